import { setTimeout as sleep } from 'node:timers/promises';
import type { Condition, Desired, Phase } from '../../cloud-sync/protocol/messages.ts';
import { isCodedError } from '../../lib/coded-error.ts';
import { backoffMs } from '../../lib/retry.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Machine } from '../../manifests/index.ts';
import { describeFailure, isTransient, kindOf } from './failure.ts';
import { judgeOffer, type Verdict } from './judge-offer.ts';
import type { ArtifactSource, Artifacts, ManifestSource, Runner } from './ports.ts';
import type { AgentState, Pointer, StateHolder } from './state-store.ts';

export type ReconcilerOptions = {
  readonly store: StateHolder;
  readonly manifests: ManifestSource;
  readonly artifacts: ArtifactSource;
  readonly runner: Runner;
  /** What runs when no generation does. */
  readonly empty: Machine;
  readonly logger: Logger;
  /** The state changed: time to report. */
  readonly onChange: () => void;
  readonly retry?: { readonly minDelayMs: number; readonly maxDelayMs: number };
};

const unwritableRetryMs = 5000;
const activationAttempts = 3;

const nothing: Artifacts = { bundles: new Map(), images: new Map() };

/** Another generation is desired by now: what this attempt would still write is void. */
class Superseded extends Error {}

/**
 * Observe, plan, step, observe again. One generation at a time; a newer one pre-empts whatever is under way, so a failed
 * generation never blocks a later one. [G2, G3]
 */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #stop = new AbortController();
  #attempt = new AbortController();
  #loop: Promise<void> = Promise.resolve();
  #wake = Promise.withResolvers<undefined>();
  #offered: Desired | undefined;
  #endedMs = Number.NEGATIVE_INFINITY;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /** Runs the generation that ran before the last stop, from local disk alone [G4], then begins to converge. */
  async start(): Promise<void> {
    const { store, logger, runner, empty } = this.#options;
    const { current } = store.state;
    try {
      if (current) await this.#activate(current);
      else await runner.configure(empty, nothing);
    } catch (error) {
      // The copy on disk is missing or broken: the loop below fetches it again.
      logger.error('reconcile.boot.failed', { generation: current?.generation, error });
      const conditions = [failureCondition('BootFailed', error)];
      await store.update(({ observed }) => (observed ? { phase: 'accepted', conditions } : {}));
    }
    this.#loop = this.#run();
    // Whoever runs the agent hears of it by `failed`.
    this.#loop.catch(() => undefined);
  }

  /** Rejects when the loop cannot go on: the disk refuses the state for another reason than being full. */
  get failed(): Promise<void> {
    return this.#loop;
  }

  /**
   * Takes a pointer from the cloud. Lower generations than the newest accepted one are refused. On a full disk it waits,
   * until the pointer is written down or a later one comes.
   */
  async offer(desired: Desired, { live }: { readonly live: boolean }): Promise<void> {
    this.#offered = desired;
    while (this.#offered === desired && !this.#stop.signal.aborted) {
      try {
        await this.#take(desired, live);
        return;
      } catch (error) {
        if (!isTransient(error)) throw error;
        this.#options.logger.error('reconcile.state.unwritable', { error });
        await sleep(unwritableRetryMs, undefined, { signal: this.#stop.signal }).catch(() => undefined);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#attempt.abort();
    this.#signal();
    await this.#loop.catch(() => undefined);
  }

  async #take(desired: Desired, live: boolean): Promise<void> {
    const { store, logger, onChange } = this.#options;
    let verdict: Verdict = { kind: 'known' };
    await store.update((state) => {
      verdict = judgeOffer(state, { desired, live, restedMs: performance.now() - this.#endedMs });
      return changeFor(verdict, state, desired);
    });
    const { kind } = verdict as Verdict;
    if (kind === 'known') return;
    const { generation, digest } = desired;
    if (kind === 'refused') logger.warn('reconcile.generation.refused', { generation, digest });
    else logger.info('reconcile.accepted', { generation, digest, again: kind === 'again' });
    onChange();
    if (kind === 'refused') return;
    this.#attempt.abort(new Superseded());
    this.#signal();
  }

  #signal(): void {
    this.#wake.resolve(undefined);
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      this.#wake = Promise.withResolvers();
      this.#attempt = new AbortController();
      const signal = AbortSignal.any([this.#attempt.signal, this.#stop.signal]);
      const target = openTarget(this.#options.store.state);
      if (target) await this.#survive(target, signal);
      else await this.#wake.promise;
    }
  }

  /** A full disk must not end the loop: what runs goes on, and the next turn tries again. */
  async #survive(target: Desired, signal: AbortSignal): Promise<void> {
    try {
      await this.#converge(target, signal);
    } catch (error) {
      if (error instanceof Superseded) return;
      if (!isTransient(error)) throw error;
      this.#options.logger.error('reconcile.state.unwritable', { error });
      await sleep(unwritableRetryMs, undefined, { signal }).catch(() => undefined);
    } finally {
      this.#endedMs = performance.now();
    }
  }

  async #converge(target: Desired, signal: AbortSignal): Promise<void> {
    try {
      await this.#reach(target, signal);
    } catch (error) {
      if (signal.aborted || isFullDisk(error)) throw signal.aborted ? new Superseded() : error;
      const phase = kindOf(error) === 'invalid' ? 'rejected' : 'failed';
      this.#options.logger.error('reconcile.failed', { generation: target.generation, phase, error });
      await this.#enter(target, phase, [
        failureCondition(phase === 'rejected' ? 'Rejected' : 'Failed', error),
      ]);
    }
  }

  async #reach(target: Desired, signal: AbortSignal): Promise<void> {
    const { store, manifests, artifacts } = this.#options;
    const { current, phase } = store.state;
    const isSwitched =
      current?.generation === target.generation && (phase === 'applying' || phase === 'verifying');
    if (!isSwitched) {
      await this.#enter(target, 'fetching');
      const machine = await this.#persistently(target, signal, () =>
        manifests.fetch(target, target.size, signal),
      );
      await this.#persistently(target, signal, () => artifacts.fetch(machine, signal));
      await this.#enter(target, 'staged');
      signal.throwIfAborted();
      await this.#switchTo(target);
    }
    await this.#verify(target, signal);
  }

  /** The one atomic step: after it, a restart runs the new generation. [G2] */
  async #switchTo(target: Desired): Promise<void> {
    const { generation, digest } = target;
    await this.#write(target, ({ current }) => ({
      current: { generation, digest },
      previous: current,
      phase: 'applying',
    }));
  }

  async #verify(target: Desired, signal: AbortSignal): Promise<void> {
    const { logger } = this.#options;
    let machine: Machine;
    try {
      machine = await this.#activatePatiently(target, signal);
      this.#requireHealth();
    } catch (error) {
      logger.error('reconcile.rollingBack', { generation: target.generation, error });
      await this.#rollBack(target, error);
      return;
    }
    await this.#enter(target, 'verifying');
    await this.#enter(target, 'committed', []);
    logger.info('reconcile.committed', { generation: target.generation, digest: target.digest });
    await this.#collect(machine);
  }

  /** A host lost to a neighbour says nothing against this generation. */
  async #activatePatiently(target: Pointer, signal: AbortSignal): Promise<Machine> {
    const { minDelayMs } = this.#retry;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#activate(target);
      } catch (error) {
        if (attempt >= activationAttempts || !isTransient(error)) throw error;
        await sleep(minDelayMs, undefined, { signal });
      }
    }
  }

  #requireHealth(): void {
    const failed = Object.entries(this.#options.runner.components()).filter(
      ([, { state }]) => state === 'failed',
    );
    if (failed.length === 0) return;
    throw new Error(failed.map(([name, { message }]) => `${name}: ${message ?? 'failed'}`).join('; '));
  }

  /** Back to what ran before, also when a newer generation is desired by now; only then its phase stays untouched. */
  async #rollBack(target: Desired, cause: unknown): Promise<void> {
    const { store, runner, empty, onChange } = this.#options;
    const { previous } = store.state;
    const conditions = [failureCondition('RolledBack', cause)];
    await store.update(({ observed }) => ({
      current: previous,
      ...(observed?.generation === target.generation ? { phase: 'rolledBack', conditions } : {}),
    }));
    onChange();
    if (previous) await this.#activate(previous);
    else await runner.configure(empty, nothing);
    onChange();
  }

  async #activate(pointer: Pointer): Promise<Machine> {
    const { manifests, artifacts, runner } = this.#options;
    const machine = await manifests.load(pointer);
    await runner.configure(machine, await artifacts.load(machine));
    return machine;
  }

  async #collect(machine: Machine): Promise<void> {
    const { store, manifests, artifacts, logger } = this.#options;
    const { observed, current, previous } = store.state;
    try {
      const kept = previous ? [machine, await manifests.load(previous)] : [machine];
      await artifacts.collect(kept);
      await manifests.collect([observed, current, previous].flatMap((pointer) => pointer?.digest ?? []));
    } catch (error) {
      logger.warn('reconcile.collect.failed', { error });
    }
  }

  get #retry(): { readonly minDelayMs: number; readonly maxDelayMs: number } {
    return this.#options.retry ?? { minDelayMs: 500, maxDelayMs: 30_000 };
  }

  /** Retries transient failures for as long as this generation is wanted, telling the cloud why it waits. */
  async #persistently<T>(target: Desired, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        if (signal.aborted || !isTransient(error)) throw error;
        this.#options.logger.warn('reconcile.waiting', { attempt, error });
        await this.#write(target, (state) => ({
          conditions: withCondition(state, failureCondition('Waiting', error)),
        }));
        await sleep(backoffMs(attempt, this.#retry), undefined, { signal });
      }
    }
  }

  async #enter(target: Desired, phase: Phase, conditions?: Condition[]): Promise<void> {
    await this.#write(target, () => (conditions ? { phase, conditions } : { phase }));
  }

  /** Writes what an attempt at `target` has reached, unless another generation is desired by then. [G3] */
  async #write(target: Desired, change: (state: AgentState) => Partial<AgentState>): Promise<void> {
    let isSuperseded = false;
    await this.#options.store.update((state) => {
      isSuperseded = state.observed?.generation !== target.generation;
      return isSuperseded ? {} : change(state);
    });
    if (isSuperseded as boolean) throw new Superseded();
    this.#options.onChange();
  }
}

/** The generation to work on: desired and neither reached nor given up. */
function openTarget({ observed, current, phase }: AgentState): Desired | undefined {
  if (!observed || phase === null || phase === 'failed' || phase === 'rejected' || phase === 'rolledBack')
    return undefined;
  return phase === 'committed' && current?.generation === observed.generation ? undefined : observed;
}

function changeFor(verdict: Verdict, state: AgentState, desired: Desired): Partial<AgentState> {
  switch (verdict.kind) {
    case 'newer':
      return { observed: desired, phase: 'accepted', conditions: [] };
    case 'again':
      return { phase: 'accepted' };
    case 'refused':
      return { conditions: withCondition(state, verdict.condition) };
    case 'known':
      return {};
    default:
      return verdict satisfies never;
  }
}

function withCondition({ conditions }: AgentState, condition: Condition): Condition[] {
  return [...conditions.filter(({ type }) => type !== condition.type), condition].slice(-32);
}

function isFullDisk(error: unknown): boolean {
  return isCodedError(error) && error.code === 'diskFull';
}

function failureCondition(type: string, error: unknown): Condition {
  const { code, message } = describeFailure(error);
  return { type, status: true, reason: code, message };
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { Condition, Desired } from '../../cloud-sync/protocol/messages.ts';
import { isCodedError } from '../../lib/coded-error.ts';
import { backoffMs } from '../../lib/retry.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Machine } from '../../manifests/index.ts';
import { Activation, type RetryDelays } from './activation.ts';
import { affectedBy, type Affected } from './affected.ts';
import { collectGenerations } from './collect-generations.ts';
import { isTransient, kindOf } from './failure.ts';
import { Gate } from './gate.ts';
import { withOutcome } from './history.ts';
import { judgeOffer, type Verdict } from './judge-offer.ts';
import type { ArtifactSource, ManifestSource, Runner, VolumeVault } from './ports.ts';
import { failureCondition, Progress, Superseded, withCondition, without } from './progress.ts';
import { secureVolumes } from './secure-volumes.ts';
import { bootFailed, changeFor, isSame, openTarget, repaired, switched } from './state-changes.ts';
import { trialOf, type StateHolder } from './state-schema.ts';
import { Trial } from './trial.ts';

export type ReconcilerOptions = {
  readonly store: StateHolder;
  readonly manifests: ManifestSource;
  readonly artifacts: ArtifactSource;
  readonly runner: Runner;
  readonly vault: VolumeVault;
  /** What runs when no generation does. */
  readonly empty: Machine;
  readonly logger: Logger;
  /** The state changed: time to report. */
  readonly onChange: () => void;
  readonly retry?: RetryDelays;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** How often locks of apps are looked at. */
  readonly lockPollMs?: number;
};

const unwritableRetryMs = 5000;
const defaultRetry: RetryDelays = { minDelayMs: 500, maxDelayMs: 30_000 };
const defaultLockPollMs = 2000;

type Parts = {
  readonly retry: RetryDelays;
  readonly now: () => number;
  readonly progress: Progress;
  readonly activation: Activation;
  readonly trial: Trial;
  readonly gate: Gate;
};

/**
 * Observe, plan, step, observe again. One generation at a time; a newer one pre-empts whatever is under way, so a failed
 * generation never blocks a later one. [G2, G3]
 */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #parts: Parts;
  readonly #stop = new AbortController();
  #attempt = new AbortController();
  #loop: Promise<void> = Promise.resolve();
  #wake = Promise.withResolvers<undefined>();
  #offered: Desired | undefined;
  #endedMs = Number.NEGATIVE_INFINITY;

  constructor(options: ReconcilerOptions) {
    const { store, runner, onChange } = options;
    const { retry = defaultRetry, now = Date.now, lockPollMs: pollMs = defaultLockPollMs } = options;
    const activation = new Activation({ ...options, retry });
    const stopping = this.#stop.signal;
    this.#options = options;
    this.#parts = {
      ...{ retry, now, activation },
      progress: new Progress({ store, onChange }),
      trial: new Trial({ ...options, ...{ activation, retry, now, stopping } }),
      gate: new Gate({ store, locks: () => runner.locks(), now, pollMs }),
    };
  }

  /** Runs the generation that ran before the last stop, from local disk alone [G4], then begins to converge. */
  async start(): Promise<void> {
    const { store, logger } = this.#options;
    const { activation, trial } = this.#parts;
    const { current, undo } = store.state;
    try {
      if (undo) await trial.resumeUndo();
      else await activation.run(current);
    } catch (error) {
      // The copy on disk is missing or broken: the loop below fetches it again, or judges it.
      logger.error('reconcile.boot.failed', { generation: current?.generation, error });
      const condition = failureCondition('BootFailed', error);
      await store.update((state) => bootFailed(state, condition));
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
    else logger.info('reconcile.accepted', { generation, digest, as: kind });
    onChange();
    if (kind === 'refused') return;
    // The attempt under way goes on when it only got leave to.
    if (kind === 'released') this.#parts.gate.nudge();
    else this.#attempt.abort(new Superseded());
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
      else if (this.#isUntended()) await this.#tend(signal);
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
      const condition = failureCondition(phase === 'rejected' ? 'Rejected' : 'Failed', error);
      const time = new Date(this.#parts.now()).toISOString();
      await this.#parts.progress.write(target, (state) => ({
        ...{ phase, conditions: [condition] },
        history: withOutcome(state, target, { time, outcome: phase, reason: condition.message }),
      }));
    }
  }

  async #reach(target: Desired, signal: AbortSignal): Promise<void> {
    const { store } = this.#options;
    const trial = trialOf(store.state);
    if (!trial && isSame(store.state.current, target)) {
      await this.#putRight(target, signal);
      return;
    }
    if (trial?.generation !== target.generation) await this.#replace(target, signal);
    const { stays } = await this.#parts.trial.judge(signal);
    if (stays) await collectGenerations(this.#options);
  }

  /** What is committed and did not start: it is brought here again, and never given up for what ran before it. */
  async #putRight(target: Desired, signal: AbortSignal): Promise<void> {
    await this.#fetch(target, signal);
    await this.#parts.activation.patiently(target, signal);
    await this.#parts.progress.enter(target, 'committed', []);
  }

  async #fetch(target: Desired, signal: AbortSignal): Promise<Machine> {
    const { manifests, artifacts } = this.#options;
    await this.#parts.progress.enter(target, 'fetching');
    const machine = await this.#persistently(target, signal, () =>
      manifests.fetch(target, target.size, signal),
    );
    await this.#persistently(target, signal, () => artifacts.fetch(machine, signal));
    return machine;
  }

  /** Brings the generation to disk, waits until it may go live, and switches to it. */
  async #replace(target: Desired, signal: AbortSignal): Promise<void> {
    const { store } = this.#options;
    const { progress } = this.#parts;
    let machine: Machine;
    let notes: Condition[] = [];
    {
      await using _tending = this.#tendMeanwhile(signal);
      machine = await this.#fetch(target, signal);
      await progress.write(target, (state) => ({
        phase: 'staged',
        conditions: without(state.conditions, 'Waiting'),
      }));
      // What runs already has nothing to wait for: it is being put right.
      if (store.state.current?.digest !== target.digest) notes = await this.#waitFor(target, machine, signal);
    }
    signal.throwIfAborted();
    await this.#persistently(target, signal, () => this.#switchTo(target, { machine, notes, signal }));
  }

  async #waitFor(target: Desired, machine: Machine, signal: AbortSignal): Promise<Condition[]> {
    const { progress, gate } = this.#parts;
    const { logger } = this.#options;
    const { generation } = target;
    const isFirst = this.#options.store.state.current === null;
    return gate.pass(
      {
        generation,
        // Where nothing runs nothing is disturbed.
        policy: isFirst ? { ...machine.updates, windows: [] } : machine.updates,
        apps: async () => (await this.#affected(machine)).affected.apps,
        onWaiting: async (condition) => {
          if (condition) logger.info('reconcile.staged', { generation, waitsFor: condition.reason });
          await progress.write(target, (state) => ({
            conditions: condition ? withCondition(state, condition) : without(state.conditions, 'Waiting'),
          }));
        },
      },
      signal,
    );
  }

  /**
   * Secures data, then the one atomic step: after it, a restart runs the new generation. [G2] Before it, whatever goes wrong, the
   * apps that stopped for it run again.
   */
  async #switchTo(target: Desired, to: { machine: Machine; notes: Condition[]; signal: AbortSignal }) {
    const { runner, vault } = this.#options;
    const { progress } = this.#parts;
    const { running, affected } = await this.#affected(to.machine);
    const { volumes } = affected;
    try {
      const data = running
        ? await secureVolumes({ runner, vault, machine: running, volumes, signal: to.signal })
        : {};
      to.signal.throwIfAborted();
      await progress.write(target, (state) => switched(state, target, { data, notes: to.notes }));
    } catch (error) {
      if (volumes.length > 0) await this.#runAgain();
      throw error;
    }
  }

  /** What ran before volumes were secured for a switch. What was given up by then stays so. */
  async #runAgain(): Promise<void> {
    const { undo, current } = this.#options.store.state;
    if (undo) await this.#parts.trial.resumeUndo();
    else await this.#parts.activation.run(current);
  }

  async #affected(machine: Machine): Promise<{ running: Machine | null; affected: Affected }> {
    const { manifests, store, vault } = this.#options;
    const { current } = store.state;
    // One that cannot be read any more cannot be secured either.
    const running = current && (await manifests.load(current).catch(() => null));
    return { running, affected: affectedBy(running, machine, vault) };
  }

  /** What runs is on trial, or is not whole. */
  #isUntended(): boolean {
    return trialOf(this.#options.store.state) !== null || this.#parts.activation.isBroken;
  }

  async #tend(signal: AbortSignal): Promise<void> {
    const { store, logger } = this.#options;
    const { trial } = this.#parts;
    while (this.#isUntended() && !signal.aborted) {
      try {
        if (trialOf(store.state)) await trial.judge(signal);
        else await this.#repair(signal);
      } catch (error) {
        if (error instanceof Superseded) return;
        logger.error('reconcile.tending.failed', { error });
        await sleep(unwritableRetryMs, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  async #repair(signal: AbortSignal): Promise<void> {
    const { store, onChange } = this.#options;
    const { activation } = this.#parts;
    await activation.repair(store.state.current, signal);
    if (activation.isBroken) return;
    await store.update(repaired);
    onChange();
  }

  /** While another generation is brought here and waits: what runs must not stay half-tried for so long. */
  #tendMeanwhile(signal: AbortSignal): AsyncDisposable {
    const ended = new AbortController();
    const tending = this.#tend(AbortSignal.any([signal, ended.signal]));
    return {
      async [Symbol.asyncDispose]() {
        ended.abort();
        await tending;
      },
    };
  }

  /** Retries transient failures for as long as this generation is wanted, telling the cloud why it waits. */
  async #persistently<T>(target: Desired, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const { progress, retry } = this.#parts;
    for (let attempt = 1; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        if (signal.aborted || !isTransient(error)) throw error;
        this.#options.logger.warn('reconcile.waiting', { attempt, error });
        await progress.write(target, (state) => ({
          conditions: withCondition(state, failureCondition('Waiting', error)),
        }));
        await sleep(backoffMs(attempt, retry), undefined, { signal });
      }
    }
  }
}

function isFullDisk(error: unknown): boolean {
  return isCodedError(error) && error.code === 'diskFull';
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { Condition, Desired, Phase } from '../../cloud-sync/protocol/messages.ts';
import { backoffMs } from '../../lib/retry.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Machine } from '../../manifests/index.ts';
import { describeFailure, isTransient, kindOf } from './failure.ts';
import type { ArtifactSource, Bundles, ManifestSource, Runner } from './ports.ts';
import type { Pointer, StateHolder } from './state-store.ts';

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

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /** Runs the generation that ran before the last stop, from local disk alone [G4], then begins to converge. */
  async start(): Promise<void> {
    const { store, logger, runner, empty } = this.#options;
    const { current } = store.state;
    try {
      if (current) await this.#activate(current);
      else await runner.configure(empty, new Map());
    } catch (error) {
      // The copy on disk is missing or broken: the loop below fetches it again.
      logger.error('reconcile.boot.failed', { generation: current?.generation, error });
      await store.update({ phase: 'accepted', conditions: [failureCondition('BootFailed', error)] });
    }
    this.#loop = this.#run();
  }

  /** Takes a pointer from the cloud. Lower generations than the newest accepted one are refused. */
  async offer(desired: Desired): Promise<void> {
    const { store, logger, onChange } = this.#options;
    const { observed, phase } = store.state;
    if (observed && desired.generation < observed.generation) {
      logger.warn('reconcile.generation.refused', {
        offered: desired.generation,
        floor: observed.generation,
      });
      await this.#note(
        refused(
          desired,
          `it is older than generation ${observed.generation}, which this device has already accepted`,
        ),
      );
      return;
    }
    if (observed?.generation === desired.generation) {
      if (observed.digest !== desired.digest) {
        logger.warn('reconcile.generation.refused', { offered: desired.generation, reason: 'other digest' });
        await this.#note(
          refused(
            desired,
            `this device knows generation ${desired.generation} with digest ${observed.digest}`,
          ),
        );
      } else if (isUnsettled(phase)) {
        // The same pointer again is the operator's "try once more".
        await store.update({ phase: 'accepted' });
        this.#signal();
      }
      return;
    }
    await store.update({ observed: desired, phase: 'accepted', conditions: [] });
    logger.info('reconcile.accepted', { generation: desired.generation, digest: desired.digest });
    onChange();
    this.#attempt.abort(new Error('a newer generation is desired'));
    this.#signal();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#attempt.abort();
    this.#signal();
    await this.#loop;
  }

  #signal(): void {
    this.#wake.resolve(undefined);
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      this.#wake = Promise.withResolvers();
      this.#attempt = new AbortController();
      const signal = AbortSignal.any([this.#attempt.signal, this.#stop.signal]);
      const target = this.#options.store.state.observed;
      if (target && isOpen(this.#options.store.state.phase)) await this.#survive(target, signal);
      else await this.#wake.promise;
    }
  }

  /** A full disk must not end the loop: what runs goes on, and the next turn tries again. */
  async #survive(target: Desired, signal: AbortSignal): Promise<void> {
    try {
      await this.#converge(target, signal);
    } catch (error) {
      if (!isTransient(error)) throw error;
      this.#options.logger.error('reconcile.state.unwritable', { error });
      await sleep(unwritableRetryMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async #converge(target: Desired, signal: AbortSignal): Promise<void> {
    try {
      await this.#reach(target, signal);
    } catch (error) {
      if (signal.aborted) return;
      const phase = kindOf(error) === 'invalid' ? 'rejected' : 'failed';
      this.#options.logger.error('reconcile.failed', { generation: target.generation, phase, error });
      await this.#enter(phase, [failureCondition(phase === 'rejected' ? 'Rejected' : 'Failed', error)]);
    }
  }

  async #reach(target: Desired, signal: AbortSignal): Promise<void> {
    const { store, manifests, artifacts } = this.#options;
    if (store.state.current?.digest !== target.digest || store.state.phase === 'accepted') {
      await this.#enter('fetching');
      const machine = await this.#persistently(signal, () => manifests.fetch(target, target.size, signal));
      await this.#persistently(signal, () => artifacts.fetch(machine, signal));
      await this.#enter('staged');
      signal.throwIfAborted();
      await this.#switchTo(target);
    }
    await this.#verify(target);
  }

  /** The one atomic step: after it, a restart runs the new generation. [G2] */
  async #switchTo({ generation, digest }: Pointer): Promise<void> {
    const { store } = this.#options;
    const { current, previous } = store.state;
    const kept = current?.digest === digest ? previous : current;
    await store.update({ current: { generation, digest }, previous: kept, phase: 'applying' });
    this.#options.onChange();
  }

  async #verify(target: Pointer): Promise<void> {
    const { store, logger, runner } = this.#options;
    try {
      const machine = await this.#activate(target);
      await this.#enter('verifying');
      const failed = Object.entries(runner.components()).filter(
        ([, component]) => component.state === 'failed',
      );
      if (failed.length > 0)
        throw new Error(failed.map(([name, { message }]) => `${name}: ${message ?? 'failed'}`).join('; '));
      await this.#enter('committed', []);
      logger.info('reconcile.committed', { generation: target.generation, digest: target.digest });
      await this.#collect(machine);
    } catch (error) {
      logger.error('reconcile.rolledBack', {
        generation: target.generation,
        to: store.state.previous?.generation,
        error,
      });
      await this.#rollBack(error);
    }
  }

  async #rollBack(cause: unknown): Promise<void> {
    const { store, runner, empty } = this.#options;
    const { previous } = store.state;
    await store.update({
      current: previous,
      previous: null,
      phase: 'rolledBack',
      conditions: [failureCondition('RolledBack', cause)],
    });
    if (previous) await this.#activate(previous);
    else await runner.configure(empty, new Map());
    this.#options.onChange();
  }

  async #activate(pointer: Pointer): Promise<Machine> {
    const { manifests, artifacts, runner } = this.#options;
    const machine = await manifests.load(pointer);
    const bundles: Bundles = await artifacts.load(machine);
    await runner.configure(machine, bundles);
    return machine;
  }

  async #collect(machine: Machine): Promise<void> {
    const { store, manifests, artifacts, logger } = this.#options;
    const { previous } = store.state;
    try {
      const kept = previous ? [machine, await manifests.load(previous)] : [machine];
      await artifacts.collect(kept);
    } catch (error) {
      logger.warn('reconcile.collect.failed', { error });
    }
  }

  /** Retries transient failures for as long as this generation is wanted, telling the cloud why it waits. */
  async #persistently<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const { retry = { minDelayMs: 500, maxDelayMs: 30_000 }, logger } = this.#options;
    for (let attempt = 1; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        if (signal.aborted || !isTransient(error)) throw error;
        logger.warn('reconcile.waiting', { attempt, error });
        await this.#note(failureCondition('Waiting', error));
        await sleep(backoffMs(attempt, retry), undefined, { signal });
      }
    }
  }

  async #enter(phase: Phase, conditions: Condition[] = this.#options.store.state.conditions): Promise<void> {
    await this.#options.store.update({ phase, conditions });
    this.#options.onChange();
  }

  async #note(condition: Condition): Promise<void> {
    const others = this.#options.store.state.conditions.filter(({ type }) => type !== condition.type);
    await this.#options.store.update({ conditions: [...others, condition].slice(-32) });
    this.#options.onChange();
  }
}

function isOpen(phase: Phase | null): boolean {
  return phase !== null && !['committed', 'rolledBack', 'failed', 'rejected'].includes(phase);
}

function isUnsettled(phase: Phase | null): boolean {
  return phase === 'failed' || phase === 'rejected' || phase === 'rolledBack';
}

function refused({ generation }: Desired, why: string): Condition {
  return {
    type: 'Refused',
    status: true,
    reason: 'Refused',
    message: `Generation ${generation} was refused: ${why}.`,
  };
}

function failureCondition(type: string, error: unknown): Condition {
  const { code, message } = describeFailure(error);
  return { type, status: true, reason: code, message };
}

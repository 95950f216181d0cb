import { setTimeout as sleep } from 'node:timers/promises';
import type { Condition } from '../../cloud-sync/protocol/messages.ts';
import type { Logger } from '../../lib/logger.ts';
import { backoffMs } from '../../lib/retry.ts';
import type { Machine } from '../../manifests/index.ts';
import { usersOf } from './affected.ts';
import type { Activation, RetryDelays } from './activation.ts';
import { isTransient } from './failure.ts';
import { withOutcome } from './history.ts';
import type { ManifestSource, Runner, VolumeVault } from './ports.ts';
import { failureCondition, Superseded, withCondition } from './progress.ts';
import { trialOf, type AgentState, type StateHolder } from './state-schema.ts';

export type TrialOptions = {
  readonly store: StateHolder;
  readonly manifests: ManifestSource;
  readonly runner: Runner;
  readonly vault: VolumeVault;
  readonly activation: Activation;
  readonly retry: RetryDelays;
  /** Aborts when the agent ends: what is being put back goes on at its next start. */
  readonly stopping: AbortSignal;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly onChange: () => void;
  readonly logger: Logger;
};

/**
 * Judges the generation that was switched to: commits it, or puts back what was there before, data included. Every step is
 * written down before it is done, and done again after a kill. [G2]
 */
export class Trial {
  readonly #options: TrialOptions;

  constructor(options: TrialOptions) {
    this.#options = options;
  }

  /**
   * Resolves when it is over, with whether the generation stays. Rejects with Superseded when the signal aborts before; what is
   * being put back is then put back first, but for data that cannot be had for the moment.
   */
  async judge(signal: AbortSignal): Promise<{ readonly stays: boolean }> {
    const { store, logger } = this.#options;
    if (store.state.undo === null) {
      const problem = await this.#problem(signal);
      if (!problem) {
        await this.#commit();
        return { stays: true };
      }
      logger.error('reconcile.rollingBack', { generation: store.state.current?.generation, error: problem });
      await this.#giveUp(failureCondition('RolledBack', problem));
    }
    await this.#undo(signal);
    return { stays: false };
  }

  /** After a start in the middle of putting back: what may run before the data is back. */
  async resumeUndo(): Promise<void> {
    const { store, activation } = this.#options;
    if (this.#volumes().length > 0) await this.#clear();
    else await activation.run(store.state.previous);
  }

  /** Why the generation cannot stay; undefined when all of it is well. */
  async #problem(signal: AbortSignal): Promise<unknown> {
    const { store, activation, runner } = this.#options;
    const failed = await failureOf(() => activation.patiently(store.state.current, signal), signal);
    if (failed !== undefined) return failed;
    await this.#update(({ phase, observed, current }) =>
      observed?.generation === current?.generation && phase !== 'verifying' ? { phase: 'verifying' } : {},
    );
    return failureOf(async () => {
      await runner.settled(signal);
      requireHealth(runner);
    }, signal);
  }

  async #commit(): Promise<void> {
    const { now, logger, store } = this.#options;
    await this.#update((state) => {
      const { current } = state;
      if (!current) return {};
      const ended = { time: new Date(now()).toISOString(), outcome: 'committed' } as const;
      const isObserved = state.observed?.generation === current.generation;
      return {
        trial: null,
        history: withOutcome(state, current, ended),
        ...(isObserved && { phase: 'committed', conditions: lasting(state) }),
      };
    });
    logger.info('reconcile.committed', { ...store.state.current });
  }

  async #giveUp(condition: Condition): Promise<void> {
    await this.#update((state) => {
      const trial = trialOf(state);
      return trial ? { trial, undo: { generation: trial.generation, condition } } : {};
    });
  }

  async #undo(signal: AbortSignal): Promise<void> {
    const lost = await this.#restore(signal);
    await this.#update((state) => this.#pointBack(state, lost));
    const { store, activation, stopping, logger } = this.#options;
    try {
      await activation.patiently(store.state.current, stopping);
    } catch (error) {
      if (stopping.aborted) throw new Superseded();
      logger.error('reconcile.rollBack.incomplete', { generation: store.state.current?.generation, error });
      const condition = failureCondition('RollbackIncomplete', error);
      await this.#update((state) => ({ conditions: withCondition(state, condition) }));
    }
    this.#options.onChange();
  }

  /** Also when a newer generation is desired by now; only then its phase stays untouched. */
  #pointBack(state: AgentState, lost: readonly Condition[]): Partial<AgentState> {
    const { undo, current, previous, observed } = state;
    if (!undo || !current) return {};
    const time = new Date(this.#options.now()).toISOString();
    const ended = { time, outcome: 'rolledBack', reason: undo.condition.message } as const;
    const isObserved = observed?.generation === undo.generation;
    const conditions = isObserved
      ? [undo.condition, ...lost]
      : lost.reduce((all, one) => withCondition({ ...state, conditions: all }, one), state.conditions);
    return {
      ...{ current: previous, trial: null, undo: null, conditions },
      history: withOutcome(state, current, ended),
      ...(isObserved && { phase: 'rolledBack' }),
    };
  }

  #volumes(): string[] {
    const { state } = this.#options.store;
    return state.previous === null ? [] : Object.keys(trialOf(state)?.data ?? {});
  }

  /** Conditions about the volumes that could not be put back. */
  async #restore(signal: AbortSignal): Promise<Condition[]> {
    const volumes = this.#volumes();
    if (volumes.length === 0) return [];
    await this.#clear();
    const lost: Condition[] = [];
    for (const volume of volumes) {
      const snapshot = trialOf(this.#options.store.state)?.data[volume] ?? '';
      const error = await this.#restoreOne(volume, snapshot, signal);
      if (error !== undefined) lost.push(notRestored({ volume, snapshot, error }));
    }
    return lost;
  }

  /** Runs the generation before, but for the apps that have the volumes: nobody may write to those. */
  async #clear(): Promise<void> {
    const { store, manifests, activation, runner, logger } = this.#options;
    const { previous, current } = store.state;
    const volumes = this.#volumes();
    try {
      if (!previous) return;
      const machine = await manifests.load(previous);
      await activation.runWithout(machine, usersOf(machine, volumes));
    } catch (error) {
      logger.error('reconcile.rollBack.unclear', { generation: current?.generation, error });
      const running: Machine | null = current && (await manifests.load(current).catch(() => null));
      if (running) await runner.halt(usersOf(running, volumes));
    }
  }

  /** The error that no retry will help; undefined when it is done. */
  async #restoreOne(volume: string, snapshot: string, signal: AbortSignal): Promise<unknown> {
    const { vault, retry, stopping, logger } = this.#options;
    for (let attempt = 1; ; attempt++) {
      try {
        // A newer generation waits for it: some volumes of then and some of now would be worse.
        await vault.restore(volume, snapshot, { signal: stopping });
        logger.info('reconcile.volume.restored', { volume, snapshot });
        return undefined;
      } catch (error) {
        if (stopping.aborted) throw new Superseded();
        logger.error('reconcile.volume.unrestored', { volume, snapshot, error });
        if (!isTransient(error)) return error;
        if (signal.aborted) throw new Superseded();
        const waiting = failureCondition('Waiting', error);
        await this.#update((state) => ({ conditions: withCondition(state, waiting) }));
        await sleep(backoffMs(attempt, retry), undefined, { signal }).catch(() => undefined);
      }
    }
  }

  async #update(change: (state: AgentState) => Partial<AgentState>): Promise<void> {
    await this.#options.store.update(change);
    this.#options.onChange();
  }
}

/** What it rejects with; undefined when it resolves. Rejects when the signal has aborted. */
async function failureOf(work: () => Promise<void>, signal: AbortSignal): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    if (signal.aborted) throw new Superseded();
    return error;
  }
  if (signal.aborted) throw new Superseded();
  return undefined;
}

function requireHealth(runner: Pick<Runner, 'components'>): void {
  const failed = Object.entries(runner.components()).filter(([, { state }]) => state === 'failed');
  if (failed.length === 0) return;
  throw new Error(failed.map(([name, { message }]) => `${name}: ${message ?? 'failed'}`).join('; '));
}

/** What is still worth knowing of a generation that is committed. */
function lasting({ conditions }: AgentState): Condition[] {
  return conditions.filter(({ type }) => type === 'LocksOverridden');
}

function notRestored(lost: {
  readonly volume: string;
  readonly snapshot: string;
  readonly error: unknown;
}): Condition {
  const { reason, message } = failureCondition('DataNotRestored', lost.error);
  const text = `The volume ${lost.volume} is as the update left it: its snapshot ${lost.snapshot.slice(0, 8)} could not be put back. ${message} It can be looked at by: holdfast snapshot ls ${lost.snapshot.slice(0, 8)}.`;
  return { type: 'DataNotRestored', status: true, reason, message: text.slice(0, 2048) };
}

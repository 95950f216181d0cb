import type { SnapshotOutcome } from '../../cloud-sync/vault/snapshot/snapshot-request.ts';
import type { Machine } from '../../manifests/machine.ts';
import { isTransient } from '../reconcile/failure.ts';
import { describeProblem } from './problem.ts';
import type { VaultState, VaultStateHolder, VolumeState } from './vault-state.ts';
import { followedClock, nextDueMs, retryDelayMs, startSchedule } from './volume-schedule.ts';

export type SnapshotSchedulesOptions = {
  readonly state: VaultStateHolder;
  readonly now: () => Date;
  readonly random: () => number;
};

export type DueVolume = { readonly volume: string; readonly dueMs: number };

/** When which volume is due, and what became of its snapshots: all of it on disk, so that a restart changes nothing. */
export class SnapshotSchedules {
  readonly #options: SnapshotSchedulesOptions;
  #scheduled: ReadonlySet<string> = new Set();

  constructor(options: SnapshotSchedulesOptions) {
    this.#options = options;
  }

  /** Volumes without a schedule keep what is known of them; those that are gone are forgotten. */
  async configure(volumes: Machine['volumes']): Promise<void> {
    const nowMs = this.#options.now().getTime();
    this.#scheduled = new Set(
      Object.entries(volumes).flatMap(([name, { snapshot }]) => (snapshot === undefined ? [] : [name])),
    );
    await this.#options.state.update(({ volumes: before }) => {
      const after: VaultState['volumes'] = {};
      for (const [name, { snapshot = '' }] of Object.entries(volumes)) {
        const known = Object.hasOwn(before, name) ? before[name] : undefined;
        if (known ?? snapshot) after[name] = startSchedule(known, snapshot, nowMs);
      }
      return JSON.stringify(after) === JSON.stringify(before) ? {} : { volumes: after };
    });
  }

  /** After the clock was set back: what was noted in a future that is none any more would keep a volume waiting for it. */
  async followClock(): Promise<void> {
    const nowMs = this.#options.now().getTime();
    const { state } = this.#options;
    const isAhead = (volume: VolumeState): boolean => followedClock(volume, nowMs) !== volume;
    if (!Object.values(state.state.volumes).some(isAhead)) return;
    await state.update(({ volumes }) => ({
      volumes: Object.fromEntries(
        Object.entries(volumes).map(([name, volume]) => [name, followedClock(volume, nowMs)]),
      ),
    }));
  }

  /** The volume that is due first; undefined when none will ever be. */
  next(): DueVolume | undefined {
    const due = [...this.#scheduled].flatMap((volume) => {
      const dueMs = this.dueMs(volume);
      return dueMs === undefined ? [] : [{ volume, dueMs }];
    });
    return due.sort((a, b) => a.dueMs - b.dueMs)[0];
  }

  dueMs(volume: string): number | undefined {
    const state = this.of(volume);
    return state && this.#scheduled.has(volume) ? nextDueMs(state) : undefined;
  }

  of(volume: string): VolumeState | undefined {
    const { volumes } = this.#options.state.state;
    return Object.hasOwn(volumes, volume) ? volumes[volume] : undefined;
  }

  /** `startedMs`: what came or comes due until then is done by it. */
  async succeeded(volume: string, startedMs: number, outcome: SnapshotOutcome): Promise<void> {
    await this.#change(volume, (state) => ({
      ...state,
      handledMs: Math.max(state.handledMs, startedMs),
      failure: null,
      unchangedMs: outcome.skipped ? startedMs : state.unchangedMs,
      last: outcome.skipped ? state.last : lastOf(startedMs, outcome),
    }));
  }

  /** Nothing came to it since the last snapshot: what comes due until then is done. */
  async unchanged(volume: string, nowMs: number): Promise<void> {
    await this.#change(volume, (state) => ({
      ...state,
      handledMs: Math.max(state.handledMs, nowMs),
      failure: null,
      unchangedMs: nowMs,
    }));
  }

  /** What may be over soon is tried again before the schedule says; the rest waits for it. */
  async failed(volume: string, error: unknown): Promise<void> {
    const nowMs = this.#options.now().getTime();
    await this.#change(volume, (state) => {
      const attempts = (state.failure?.attempts ?? 0) + 1;
      const retryMs = mayPass(error) ? nowMs + retryDelayMs(attempts, this.#options.random) : null;
      return {
        ...state,
        handledMs: retryMs === null ? nowMs : state.handledMs,
        failure: { ...describeProblem(error), timeMs: nowMs, attempts, retryMs },
      };
    });
  }

  async #change(volume: string, change: (state: VolumeState) => VolumeState): Promise<void> {
    await this.#options.state.update(({ volumes }) => {
      const before = Object.hasOwn(volumes, volume)
        ? volumes[volume]
        : startSchedule(undefined, '', this.#options.now().getTime());
      return before ? { volumes: { ...volumes, [volume]: change(before) } } : {};
    });
  }
}

function mayPass(error: unknown): boolean {
  return isTransient(error) || ['locked', 'quotaExceeded'].includes(describeProblem(error).code);
}

function lastOf(timeMs: number, outcome: SnapshotOutcome): VolumeState['last'] {
  const { id, totalBytes, newBytes, storedBytes, durationMs, problemCount } = outcome;
  return { snapshot: id, timeMs, totalBytes, newBytes, storedBytes, durationMs, problems: problemCount };
}

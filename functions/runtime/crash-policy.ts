/**
 * What becomes of a function whose host process keeps dying: after `strikes` deaths within the window it gets a host of its own,
 * and when that one dies as often, the function is stopped for a while that doubles each time. Deploying another bundle
 * starts afresh. Pure: time comes in.
 */
export type CrashRecord = {
  readonly strikesMs: readonly number[];
  readonly placement: 'shared' | 'own';
  /** Times the breaker has opened. */
  readonly opened: number;
  readonly closedUntilMs: number;
  /** How it took its host down the last time. */
  readonly why: string;
};

export const crashPolicy = {
  strikes: 3,
  windowMs: 10 * 60_000,
  minPauseMs: 60_000,
  maxPauseMs: 60 * 60_000,
} as const;

export const noCrashes: CrashRecord = {
  strikesMs: [],
  placement: 'shared',
  opened: 0,
  closedUntilMs: 0,
  why: '',
};

export function afterCrash(record: CrashRecord, { nowMs, why }: { nowMs: number; why: string }): CrashRecord {
  const strikesMs = [...record.strikesMs.filter((at) => at > nowMs - crashPolicy.windowMs), nowMs];
  if (strikesMs.length < crashPolicy.strikes) return { ...record, strikesMs, why };
  if (record.placement === 'shared') return { ...record, strikesMs: [], placement: 'own', why };
  const pauseMs = Math.min(crashPolicy.maxPauseMs, crashPolicy.minPauseMs * 2 ** record.opened);
  return { ...record, strikesMs: [], opened: record.opened + 1, closedUntilMs: nowMs + pauseMs, why };
}

/** Milliseconds until the function may run again; 0 when it may. */
export function pauseLeftMs({ closedUntilMs }: CrashRecord, nowMs: number): number {
  return Math.max(0, closedUntilMs - nowMs);
}

/**
 * Who may have done it when nobody knows: whoever was inside at each of the deaths so far. Innocents come and go, the
 * culprit is always there. When nobody was, there are several culprits, and it begins anew.
 */
export function narrowSuspects<T>(before: readonly T[], inside: readonly T[]): readonly T[] {
  const always = inside.filter((suspect) => before.includes(suspect));
  return always.length > 0 ? always : inside;
}

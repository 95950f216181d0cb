import { setTimeout as sleep } from 'node:timers/promises';

/** Time as the supervisor and its health checks see it. */
export type Clock = {
  /** Milliseconds; only differences mean something. */
  now(): number;
  /** Rejects with the signal's reason, as an AbortError. */
  sleep(durationMs: number, signal: AbortSignal): Promise<void>;
};

export const machineClock: Clock = {
  now: () => performance.now(),
  sleep: (durationMs, signal) => sleep(Math.max(0, durationMs), undefined, { signal }),
};

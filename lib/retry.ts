import { setTimeout as sleep } from 'node:timers/promises';

export type RetryOptions = {
  /** Attempts in all, the first included. Infinity is allowed: stop it by the signal. */
  readonly attempts: number;
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
  readonly signal: AbortSignal;
  readonly isTransient: (error: unknown) => boolean;
  /** What the failure itself asks to be waited, when that is longer. */
  readonly askedDelayMs?: (error: unknown) => number | undefined;
  readonly onRetry?: (error: unknown, delayMs: number, attempt: number) => void;
  /** In [0, 1), default Math.random: full jitter keeps a fleet from reconnecting in step. */
  readonly random?: () => number;
};

/** Calls `work` until it resolves, a permanent error, the last attempt or an abort. In-flight work is not interrupted. */
export async function retry<T>(work: () => Promise<T>, options: RetryOptions): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    options.signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      if (attempt >= options.attempts || !options.isTransient(error)) throw error;
      const delayMs = Math.max(backoffMs(attempt, options), options.askedDelayMs?.(error) ?? 0);
      options.onRetry?.(error, delayMs, attempt);
      await sleep(delayMs, undefined, { signal: options.signal });
    }
  }
}

/** Exponential back-off with jitter: between half and the whole of min(maxDelayMs, minDelayMs · 2^(attempt-1)). */
export function backoffMs(
  attempt: number,
  {
    minDelayMs,
    maxDelayMs,
    random = Math.random,
  }: Pick<RetryOptions, 'minDelayMs' | 'maxDelayMs' | 'random'>,
): number {
  const ceiling = Math.min(maxDelayMs, minDelayMs * 2 ** (attempt - 1));
  return Math.round(ceiling / 2 + (ceiling / 2) * random());
}

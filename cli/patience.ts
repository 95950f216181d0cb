import { setTimeout as sleep } from 'node:timers/promises';
import { CodedError } from '../lib/coded-error.ts';
import { errorMessage } from '../lib/error-code.ts';
import { isTransientNetworkError } from '../lib/network-error.ts';
import { retry } from '../lib/retry.ts';
import { printable } from './printable.ts';
import type { Run } from './run.ts';

/** No word about a short stumble. */
const silentAttempts = 2;

/**
 * Does `work` against the cloud, again while it fails for a passing reason (the cloud restarts, the network is away) and
 * `--retry` has not run out. `work` must be safe to repeat.
 */
export async function patiently<T>({ out, signal, globals }: Run, work: () => Promise<T>): Promise<T> {
  const deadlineMs = Date.now() + globals.retry;
  return retry(work, {
    attempts: Number.POSITIVE_INFINITY,
    minDelayMs: 100,
    maxDelayMs: 1500,
    signal,
    isTransient: (error) => isTransient(error) && Date.now() < deadlineMs,
    onRetry: (error, _delayMs, attempt) => {
      if (attempt === silentAttempts) {
        const reason = printable(errorMessage(error)).replace(/[.]?$/, '.');
        out.note(`${reason} Trying for ${Math.ceil((deadlineMs - Date.now()) / 1000)} s more.`);
      }
    },
  });
}

function isTransient(error: unknown): boolean {
  return error instanceof CodedError ? error.transient : isTransientNetworkError(error);
}

/** Calls `poll` every `everyMs` until it gives a value. Rejects with `onTimeout()` after `timeoutMs`, at once on an abort. */
export async function waitFor<T>(
  poll: () => Promise<T | undefined>,
  options: { everyMs: number; timeoutMs: number; signal: AbortSignal; onTimeout: () => Error },
): Promise<T> {
  const deadlineMs = Date.now() + options.timeoutMs;
  for (;;) {
    const value = await poll();
    if (value !== undefined) return value;
    if (Date.now() >= deadlineMs) throw options.onTimeout();
    await sleep(options.everyMs, undefined, { signal: options.signal });
  }
}

import { errorCode, errorMessage, isAbortError } from '../../lib/error-code.ts';
import { backoffMs } from '../../lib/retry.ts';
import type { FailureNote } from '../streams/operations.ts';

/** What becomes of an event whose invocation failed. */
export type Verdict =
  /** The agent is stopping: the event stays as it was. */
  | { readonly kind: 'leave' }
  /** Nothing against the event: again after `delayMs`, without counting. `stuck` when the function as such cannot run. */
  | { readonly kind: 'again'; readonly delayMs: number; readonly stuck: boolean }
  /** Its own failure: again after `delayMs`. */
  | { readonly kind: 'retry'; readonly delayMs: number }
  | { readonly kind: 'bury'; readonly error: FailureNote };

/** The function is not able to run anything; its events wait for a new generation, a secret, the end of the breaker's pause, a mended store. */
const stuckCodes = new Set(['crashLoop', 'notDeployed', 'badBundle', 'secretMissing', 'corrupt']);
/** No repetition can help. */
const hopelessCodes = new Set(['noHandler', 'unsupported', 'eventTooLarge']);

const own = { minDelayMs: 200, maxDelayMs: 30_000 };
const innocent = { minDelayMs: 50, maxDelayMs: 10_000 };
const stuck = { minDelayMs: 2000, maxDelayMs: 60_000 };

export type History = {
  /** Failed attempts of this event, this one included. */
  readonly failures: number;
  /** Those in a row, this one included, that were not its own. */
  readonly innocentFailures: number;
  /** How often it may be tried again for failures of its own. */
  readonly retries: number;
  /** In [0, 1). */
  readonly random: () => number;
};

export function judge(error: unknown, { failures, innocentFailures, retries, random }: History): Verdict {
  const code = errorCode(error) ?? 'failed';
  if (isAbortError(error) || code === 'cancelled' || code === 'closed') return { kind: 'leave' };
  if (stuckCodes.has(code))
    return { kind: 'again', stuck: true, delayMs: backoffMs(innocentFailures, { ...stuck, random }) };
  if (isTransient(error))
    return { kind: 'again', stuck: false, delayMs: backoffMs(innocentFailures, { ...innocent, random }) };
  if (failures > retries || hopelessCodes.has(code) || refusesRetry(error))
    return { kind: 'bury', error: { code: code.slice(0, 64), message: errorMessage(error).slice(0, 2048) } };
  return { kind: 'retry', delayMs: retryDelayMs(failures, random) };
}

/** How long an event waits after so many failures of its own. */
export function retryDelayMs(failures: number, random: () => number): number {
  return backoffMs(failures, { ...own, random });
}

/** The author called `controller.noRetry()`. */
function refusesRetry(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'noRetry' in error && error.noRetry === true;
}

function isTransient(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'transient' in error && error.transient === true;
}

import { SyncError, type SyncErrorCode } from '../errors.ts';
import type { CodedErrorOptions } from '../../lib/coded-error.ts';

/** A longer wait is whoever asked for the work's to bear. */
const longestWaitMs = 60_000;

/** An answer of a registry that is not the one that was hoped for. */
export class RegistryRefusal extends SyncError {
  /** What it asks us to wait. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: SyncErrorCode,
    message: string,
    { retryAfterMs, ...options }: CodedErrorOptions & { readonly retryAfterMs?: number | undefined },
  ) {
    super(code, message, options);
    this.retryAfterMs = retryAfterMs;
  }

  /** Whether it is worth waiting for here. */
  get isSoon(): boolean {
    return (this.retryAfterMs ?? 0) <= longestWaitMs;
  }
}

/** Reads `Retry-After` (RFC 9110 §10.2.3): seconds, or a date. Undefined for none or nonsense. */
export function retryAfterMs(header: string | undefined, now: () => number = Date.now): number | undefined {
  if (header === undefined || header.length > 64) return undefined;
  if (/^[0-9]{1,9}$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now());
}

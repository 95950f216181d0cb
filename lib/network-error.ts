import { errorCode } from './error-code.ts';

const transientCodes = new Set([
  'ECONNREFUSED',
  // Also node's own "socket hang up" and "aborted": the peer closed before it had answered in full.
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  // Also our own, for a peer that went silent.
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'EAI_AGAIN',
  'ENOTFOUND',
]);

/** Whether a failed request may work later: the network was away or the peer went silent. */
export function isTransientNetworkError(error: unknown): boolean {
  return transientCodes.has(errorCode(error) ?? '');
}

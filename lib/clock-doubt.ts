import { errorCode } from './error-code.ts';

/** OpenSSL's names for a certificate that this machine takes for too young or too old. */
const untimely: ReadonlySet<string> = new Set(['CERT_NOT_YET_VALID', 'CERT_HAS_EXPIRED']);

/** Where a connection failed for the time of a certificate: what time it is here, which is as likely to be wrong. Else undefined. */
export function clockDoubt(error: unknown, nowMs: number = Date.now()): string | undefined {
  if (!untimely.has(errorCode(error) ?? '')) return undefined;
  return `The clock of this machine says ${new Date(nowMs).toISOString()}: set it if that is wrong.`;
}

import { CodedError, type CodedErrorOptions } from '../lib/coded-error.ts';

const codes = [
  // Talking to a peer
  'network',
  'unauthorized',
  'forbidden',
  'notFound',
  'conflict',
  'badAnswer',
  'registry',
  'rateTooLow',
  'unavailable',
  'timeout',
  'deviceOffline',
  'commandFailed',
  'internal',
  // Content
  'badReference',
  'badRequest',
  'digestMismatch',
  'sizeMismatch',
  'badManifest',
  'missingBundle',
  'tooLarge',
  'corrupt',
  'badState',
  // Images
  'badImage',
  'badArchive',
  'wrongPlatform',
  // The vault
  'noRepository',
  'repositoryExists',
  'badKeyFile',
  'locked',
  'stale',
  'quotaExceeded',
  'damaged',
  // This machine
  'diskFull',
  'portInUse',
  'folderInUse',
  // Trust
  'badToken',
  'tokenExpired',
  'tokenUsed',
  'badCsr',
  'badCertificate',
  'revoked',
  'pinMismatch',
  'badRecoveryKey',
  'wrongPassphrase',
] as const;

export type SyncErrorCode = (typeof codes)[number];

/** Whether a code that came over the wire is one of ours. */
export function isSyncErrorCode(code: string): code is SyncErrorCode {
  return (codes as readonly string[]).includes(code);
}

/** What fails in cloud-sync, on either end. `transient` is decided where the failure was seen. */
export class SyncError extends CodedError<SyncErrorCode> {
  constructor(code: SyncErrorCode, message: string, options: CodedErrorOptions = {}) {
    super(code, message, options);
  }
}

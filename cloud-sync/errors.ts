import { CodedError, type CodedErrorOptions } from '../lib/coded-error.ts';

export type SyncErrorCode =
  // Talking to a peer
  | 'network'
  | 'unauthorized'
  | 'forbidden'
  | 'notFound'
  | 'conflict'
  | 'badAnswer'
  | 'registry'
  | 'rateTooLow'
  | 'unavailable'
  | 'timeout'
  | 'deviceOffline'
  | 'commandFailed'
  | 'internal'
  // Content
  | 'badReference'
  | 'badRequest'
  | 'digestMismatch'
  | 'sizeMismatch'
  | 'badManifest'
  | 'missingBundle'
  | 'tooLarge'
  | 'corrupt'
  | 'badState'
  // This machine
  | 'diskFull'
  | 'portInUse'
  | 'folderInUse'
  // Trust
  | 'badToken'
  | 'tokenExpired'
  | 'tokenUsed'
  | 'badCsr'
  | 'badCertificate'
  | 'revoked'
  | 'pinMismatch'
  | 'badRecoveryKey'
  | 'wrongPassphrase';

/** What fails in cloud-sync, on either end. `transient` is decided where the failure was seen. */
export class SyncError extends CodedError<SyncErrorCode> {
  constructor(code: SyncErrorCode, message: string, options: CodedErrorOptions = {}) {
    super(code, message, options);
  }
}

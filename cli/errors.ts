import { CodedError, type CodedErrorOptions } from '../lib/coded-error.ts';

/** Failures of the command itself, not of a part it called. */
export type CliErrorCode =
  | 'usage'
  | 'noContext'
  | 'badContext'
  | 'notFound'
  | 'exists'
  | 'invalidFile'
  | 'invalidManifest'
  | 'tooLarge'
  | 'wrongDevice'
  | 'noPassphrase'
  | 'deployFailed'
  | 'superseded'
  | 'timedOut'
  | 'testsFailed'
  | 'snapshotFailed'
  | 'refusedKey'
  | 'damaged'
  | 'portInUse'
  | 'interrupted';

export type CliErrorOptions = CodedErrorOptions & {
  /** Lines that come before the message. */
  readonly details?: readonly string[];
  /** What `--json` prints beside `error`. */
  readonly data?: Readonly<Record<string, unknown>>;
};

export class CliError extends CodedError<CliErrorCode> {
  readonly details: readonly string[];
  readonly data: Readonly<Record<string, unknown>>;

  constructor(
    code: CliErrorCode,
    message: string,
    { details = [], data = {}, ...options }: CliErrorOptions = {},
  ) {
    super(code, message, options);
    this.details = details;
    this.data = data;
  }
}

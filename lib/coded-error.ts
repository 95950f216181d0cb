export type CodedErrorOptions = {
  /** What the reader can do about it: one sentence, shown under the message by the CLI. */
  readonly hint?: string;
  readonly cause?: unknown;
  /** True when the same call may succeed later: the caller retries with back-off. Decided by the adapter that saw the failure. */
  readonly transient?: boolean;
};

/** An error whose `code` is part of the interface; each top folder has one subclass with its own union of codes. */
export class CodedError<Code extends string = string> extends Error {
  readonly code: Code;
  readonly hint: string | undefined;
  readonly transient: boolean;

  constructor(code: Code, message: string, { hint, cause, transient = false }: CodedErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.code = code;
    this.hint = hint;
    this.transient = transient;
  }
}

/** `instanceof` with a code that is text rather than `any`. */
export function isCodedError(error: unknown): error is CodedError {
  return error instanceof CodedError;
}

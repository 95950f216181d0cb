import { CodedError } from '../lib/coded-error.ts';
import type { CodedErrorOptions } from '../lib/coded-error.ts';

export type ManifestErrorCode =
  /** Not a machine file: see `problems`. */
  | 'invalid'
  /** The bytes are not the RFC 8785 form of what they say. */
  | 'notCanonical'
  /** The bytes are not those the digest names. */
  | 'digestMismatch'
  /** Larger than any manifest may be. */
  | 'tooLarge'
  /** An image or bundle is named by tag where a digest is needed, or its tag cannot be looked up. */
  | 'unresolved'
  /** A whole and valid manifest, of another device. */
  | 'wrongDevice';

export type ProblemCode =
  | 'syntax'
  | 'duplicateKey'
  | 'forbidden'
  | 'tooLarge'
  | 'unknownKey'
  | 'invalidKey'
  | 'missing'
  | 'wrongType'
  | 'invalidValue'
  | 'dangling'
  | 'conflict'
  | 'unresolved';

export type Path = readonly (string | number)[];

/** One thing that is wrong, in words: what, the value, what is expected. */
export type Problem = {
  readonly code: ProblemCode;
  readonly message: string;
  readonly path: Path;
  /** The nearest valid word, when one is near enough. */
  readonly suggestion?: string;
};

/** Line and column are 1-based; the column counts UTF-16 code units. */
export type ManifestProblem = Problem & { readonly line: number; readonly column: number };

type ManifestErrorOptions = CodedErrorOptions & { readonly problems?: readonly Problem[] };

export class ManifestError extends CodedError<ManifestErrorCode> {
  readonly problems: readonly Problem[];

  constructor(
    code: ManifestErrorCode,
    message: string,
    { problems = [], ...options }: ManifestErrorOptions = {},
  ) {
    super(code, message, options);
    this.problems = problems;
  }
}

import { isCodedError } from '../../lib/coded-error.ts';
import { errorMessage } from '../../lib/error-code.ts';

export type Problem = { readonly code: string; readonly message: string; readonly hint?: string };

const maxChars = 2048;

/** A failure for people and for state files: a stable code, and words within bounds. */
export function describeProblem(error: unknown): Problem {
  const message = errorMessage(error).slice(0, maxChars);
  if (!isCodedError(error)) return { code: 'internal', message };
  const { code, hint } = error;
  return { code, message, ...(hint !== undefined && { hint: hint.slice(0, maxChars) }) };
}

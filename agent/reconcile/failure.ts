import { isCodedError } from '../../lib/coded-error.ts';
import { isTransientNetworkError } from '../../lib/network-error.ts';
import { ManifestError } from '../../manifests/index.ts';

/** Whether the same work may succeed later, untouched. */
export function isTransient(error: unknown): boolean {
  // A full disk is waited out: somebody may free space, and what runs goes on meanwhile.
  if (isCodedError(error)) return error.transient || error.code === 'diskFull';
  return isTransientNetworkError(error);
}

/** 'invalid' means that no retry can help: the input itself is wrong. */
export function kindOf(error: unknown): 'invalid' | 'other' {
  return error instanceof ManifestError ? 'invalid' : 'other';
}

/** A stable code and one line for people, bounded as the protocol wants them. */
export function describeFailure(error: unknown): { code: string; message: string } {
  const code = isCodedError(error) ? error.code : 'internal';
  const text = error instanceof Error ? error.message : String(error);
  const hint = isCodedError(error) ? error.hint : undefined;
  return { code: code.slice(0, 64), message: (hint ? `${asSentence(text)} ${hint}` : text).slice(0, 2048) };
}

function asSentence(text: string): string {
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}

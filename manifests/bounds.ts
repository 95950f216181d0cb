/** Bounds of one manifest. [THREATS 14] Counts are taken after aliases are expanded. */
export const bounds = {
  /** Of the text a person writes, in UTF-16 code units. */
  textLength: 2 ** 20,
  /** Smallest pieces of the text, spaces and comments included. */
  lexemes: 400_000,
  depth: 32,
  nodes: 50_000,
  /** One text or key, in UTF-16 code units. */
  scalarLength: 65_536,
  /** All texts and keys together, in UTF-16 code units. */
  totalLength: 2 * 2 ** 20,
  canonicalBytes: 4 * 2 ** 20,
  problems: 100,
} as const;

/** Keys that mean something to JavaScript itself. No part of the language uses them, so none may pass. */
const forbiddenKeys: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

export function isForbiddenKey(key: string): boolean {
  return forbiddenKeys.has(key);
}

/** What is wrong with a text or key by itself, or undefined. */
export function textFault(text: string): string | undefined {
  if (text.length > bounds.scalarLength)
    return `is ${text.length} characters long; at most ${bounds.scalarLength} are allowed`;
  if (!text.isWellFormed()) return 'holds half of a surrogate pair, which is no character';
  return undefined;
}

/** What is wrong with a number by itself, or undefined. */
export function numberFault(value: number): string | undefined {
  if (!Number.isFinite(value)) return 'is not a finite number';
  if (Number.isInteger(value) && !Number.isSafeInteger(value))
    return 'is an integer beyond 2^53, which would be rounded: put it into quotes';
  return undefined;
}

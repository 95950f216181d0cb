/** Web IDL: any value as a DOMString. A symbol has none. */
export function domString(value: unknown): string {
  if (typeof value === 'symbol') throw new TypeError('A symbol has no text');
  return String(value);
}

/** Web IDL: a USVString, where lone surrogates become U+FFFD. */
export function usvString(value: unknown): string {
  return domString(value).toWellFormed();
}

/** Web IDL: any value as a DOMString. A symbol has none. */
export function domString(value: unknown): string {
  if (typeof value === 'symbol') throw new TypeError('A symbol has no text');
  return String(value);
}

/** Web IDL: a USVString, where lone surrogates become U+FFFD. */
export function usvString(value: unknown): string {
  return domString(value).toWellFormed();
}

/** Web IDL: an operation that is called with fewer arguments than it must have throws. */
export function need(given: number, count: number): void {
  if (given < count) throw new TypeError(`${count} arguments are needed, ${given} given`);
}

/** Web IDL: a pair as a sequence of two; a text, which is iterable too, is none. */
export function pairOf(entry: unknown): [unknown, unknown] {
  if ((typeof entry === 'object' && entry !== null) || typeof entry === 'function') {
    const all = [...(entry as Iterable<unknown>)];
    if (all.length === 2) return [all[0], all[1]];
  }
  throw new TypeError('A pair is a sequence of a name and a value');
}

import type { Path } from './manifest-error.ts';

const longestShown = 60;

/** A value as a problem shows it: JSON for what is short, a kind for what is not. */
export function show(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'string') return quoted(value);
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : 'a section of keys';
}

export function quoted(text: string): string {
  const safe = text.length > longestShown ? `${text.slice(0, longestShown)}…` : text;
  return JSON.stringify(safe.toWellFormed());
}

/** `functions.to-celsius.on[0].mqtt` */
export function showPath(path: Path): string {
  const parts = path.map((part) =>
    typeof part === 'number' ? `[${part}]` : /^[\w-]{1,64}$/.test(part) ? `.${part}` : `[${quoted(part)}]`,
  );
  return parts.join('').replace(/^\./, '');
}

/** "a, b or c" */
export function either(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1) ?? ''}`;
}

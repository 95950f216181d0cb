import { createHash } from 'node:crypto';
import type { Entry } from './entry-node.ts';
import { factNames } from './file-facts.ts';

/** Stands for all that `lstat` said of the entries of a folder: equal prints, equal entries. */
export function printOf(entries: readonly Entry[]): string {
  const facts = new BigInt64Array(entries.length * factNames.length);
  let at = 0;
  for (const entry of entries) {
    for (const name of factNames) {
      facts[at] = entry.facts[name];
      at += 1;
    }
  }
  const names = entries.map(({ name }) => name).join('\0');
  // Not UTF-8: that has no place for the lone surrogates of odd names.
  return createHash('sha256').update(names, 'utf16le').update(facts).digest('base64url');
}

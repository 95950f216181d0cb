import { createHash } from 'node:crypto';
import type { ListedEntries } from './folder-entries.ts';

/** Stands for all that `lstat` said of the entries: equal prints, equal entries. */
export function folderPrint({ joinedNames, facts }: ListedEntries): string {
  // Not UTF-8: that has no place for the lone surrogates of odd names.
  return createHash('sha256').update(joinedNames, 'utf16le').update(facts).digest('base64url');
}

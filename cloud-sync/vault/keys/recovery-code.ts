import { randomBytes } from 'node:crypto';
import { entropyToMnemonic, validateMnemonic } from '@scure/bip39';
import { wordlist } from '@scure/bip39/wordlists/english.js';
import { nearest } from '../../../manifests/nearest.ts';
import { SyncError } from '../../errors.ts';

const wordCount = 24;
/** 24 words of eight letters with numbers and room around them. */
const maxChars = 2048;
const words: ReadonlySet<string> = new Set(wordlist);

/** 24 words (BIP-39, English) for print: 256 random bits and a checksum of 8. */
export function createRecoveryCode(): string {
  return entropyToMnemonic(randomBytes(32), wordlist);
}

/**
 * The words as they were made, joined by single spaces: what the key slot's password is. Takes them in any case, with any
 * space, commas and numbers between them. Throws `wrongPassphrase`, naming the word that is wrong.
 */
export function parseRecoveryCode(text: string): string {
  if (text.length > maxChars) throw badCode(`The recovery code is longer than ${maxChars} characters`);
  const given = text
    .normalize('NFKD')
    .toLowerCase()
    .split(/[\s,;.:()\d]+/)
    .filter((word) => word !== '');
  for (const [index, word] of given.entries()) requireWord(word, index + 1);
  if (given.length !== wordCount)
    throw badCode(`A recovery code has ${wordCount} words, and these are ${given.length}`);
  const code = given.join(' ');
  if (validateMnemonic(code, wordlist)) return code;
  throw badCode('The words of the recovery code do not fit together: one of them, or their order, is wrong');
}

function requireWord(word: string, position: number): void {
  if (words.has(word)) return;
  const suggestion = nearest(word, wordlist) ?? wordlist.find((known) => known.startsWith(word.slice(0, 4)));
  const message = `Word ${position} of the recovery code, ${JSON.stringify(word.slice(0, 32))}, is none of its words`;
  throw badCode(message, suggestion === undefined ? undefined : `Did you mean "${suggestion}"?`);
}

function badCode(message: string, hint = 'Type the 24 words in the order of the print.'): SyncError {
  return new SyncError('wrongPassphrase', message, { hint });
}

import { expect, test } from '@jest/globals';
import { createRecoveryCode } from '../../cloud-sync/vault/keys/recovery-code.ts';
import { formatRecoverySheet } from './recovery-code-text.ts';
import { numberedWords, slotPassword } from './vault-secret.ts';

const code = createRecoveryCode();
const words = code.split(' ');

test('the whole sheet as it was printed opens the slot, and so do the bare words', () => {
  const sheet = formatRecoverySheet({ words, of: 'the vault of kiosk-7', date: '2026-11-21' });
  expect(slotPassword({ kind: 'recoveryCode', code: sheet })).toBe(code);
  expect(slotPassword({ kind: 'recoveryCode', code: ` ${code.toUpperCase().replaceAll(' ', '\n')}\n` })).toBe(
    code,
  );
});

test('words that were typed in columns are put in order by their numbers', () => {
  const lines = Array.from({ length: 6 }, (_, row) =>
    [0, 1, 2, 3].map((column) => `${column * 6 + row + 1}. ${words[column * 6 + row]!}`).join('  '),
  );
  expect(numberedWords(lines.join('\n'))).toBe(code);
});

test('a number that is missing or twice there leaves the text as it is', () => {
  expect(numberedWords('1 abandon 2 ability')).toBeUndefined();
  expect(numberedWords(words.map((word, at) => `${(at % 23) + 1} ${word}`).join('\n'))).toBeUndefined();
});

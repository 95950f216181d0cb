import { expect, test } from '@jest/globals';
import { formatRecoverySheet, formatWords, numberedWords } from './recovery-code-text.ts';

const words = Array.from({ length: 24 }, (_, index) => `item${String.fromCharCode(97 + index)}`);

test('24 words stand in four numbered columns, read line by line', () => {
  const lines = formatWords(words).split('\n');
  expect(lines).toHaveLength(6);
  expect(lines[0]).toBe(' 1 itema    2 itemb    3 itemc    4 itemd');
  expect(lines[5]).toBe('21 itemu   22 itemv   23 itemw   24 itemx');
});

test('the sheet fits a page of 120 columns and holds every word once', () => {
  const sheet = formatRecoverySheet({
    words,
    of: 'the vault of greenhouse-7',
    where: 'cloud:greenhouse-7',
    slot: '3f2a91c0',
    date: '2026-11-21',
  });
  expect(Math.max(...sheet.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120);
  expect(sheet).toContain('--repository cloud:greenhouse-7\n');
  for (const word of words) expect(sheet.split(new RegExp(`\\b${word}\\b`))).toHaveLength(2);
});

test('the words are found in the whole sheet, and put in order by their numbers', () => {
  const sheet = formatRecoverySheet({
    words,
    of: 'the vault of kiosk-7',
    where: '/mnt/disk 2 backup',
    slot: '3f2a91c0',
    date: '2026-11-21',
  });
  expect(numberedWords(sheet)).toBe(words.join(' '));
  const downwards = Array.from({ length: 6 }, (_, row) =>
    [0, 1, 2, 3].map((column) => `${column * 6 + row + 1}. ${words[column * 6 + row]!}`).join('  '),
  );
  expect(numberedWords(downwards.join('\n'))).toBe(words.join(' '));
});

test('a number that is missing or twice there leaves the text as it is', () => {
  expect(numberedWords('1 abandon 2 ability')).toBeUndefined();
  expect(numberedWords(words.map((word, at) => `${(at % 23) + 1} ${word}`).join('\n'))).toBeUndefined();
});

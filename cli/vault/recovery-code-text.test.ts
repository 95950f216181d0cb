import { expect, test } from '@jest/globals';
import { formatRecoverySheet, formatWords } from './recovery-code-text.ts';

const words = Array.from({ length: 24 }, (_, index) => `word${String.fromCharCode(97 + index)}`);

test('24 words stand in four numbered columns, read downwards', () => {
  const lines = formatWords(words).split('\n');
  expect(lines).toHaveLength(6);
  expect(lines[0]).toBe(' 1 worda    7 wordg   13 wordm   19 words');
  expect(lines[5]).toBe(' 6 wordf   12 wordl   18 wordr   24 wordx');
});

test('the sheet fits a page of 120 columns and holds every word once', () => {
  const sheet = formatRecoverySheet({ words, of: 'the vault of greenhouse-7', date: '2026-11-21' });
  expect(Math.max(...sheet.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120);
  for (const word of words) expect(sheet.split(new RegExp(`\\b${word}\\b`))).toHaveLength(2);
});

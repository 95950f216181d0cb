import { expect, test } from '@jest/globals';
import { formatRecoverySheet, formatWords } from './recovery-code-text.ts';

const words = Array.from({ length: 24 }, (_, index) => `word${String.fromCharCode(97 + index)}`);

test('24 words stand in four numbered columns, read line by line', () => {
  const lines = formatWords(words).split('\n');
  expect(lines).toHaveLength(6);
  expect(lines[0]).toBe(' 1 worda    2 wordb    3 wordc    4 wordd');
  expect(lines[5]).toBe('21 wordu   22 wordv   23 wordw   24 wordx');
});

test('the sheet fits a page of 120 columns and holds every word once', () => {
  const sheet = formatRecoverySheet({ words, of: 'the vault of greenhouse-7', date: '2026-11-21' });
  expect(Math.max(...sheet.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120);
  for (const word of words) expect(sheet.split(new RegExp(`\\b${word}\\b`))).toHaveLength(2);
});

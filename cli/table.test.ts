import { expect, test } from '@jest/globals';
import { formatTable } from './table.ts';

test('columns are as wide as their widest cell, colours not counted, without trailing spaces', () => {
  const table = formatTable(
    ['NAME', 'STATE'],
    [
      ['greenhouse-7', '\u001b[32monline\u001b[39m'],
      ['k', '-'],
    ],
  );
  expect(table.split('\n')).toEqual([
    'NAME          STATE',
    'greenhouse-7  \u001b[32monline\u001b[39m',
    'k             -',
  ]);
});

test('what a stranger put into a cell neither moves the cursor nor forges a row, and our colours stay', () => {
  const table = formatTable(
    ['NAME', 'WHY'],
    [['\u001b[33mkiosk\u001b[39m', 'no\u001b[2J\u001b[8m\nfine  \u202egood']],
  );
  expect(table.split('\n')).toEqual(['NAME   WHY', '\u001b[33mkiosk\u001b[39m  no [2J [8m fine good']);
});

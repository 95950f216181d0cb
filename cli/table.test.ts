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

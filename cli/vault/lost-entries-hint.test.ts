import { expect, test } from '@jest/globals';
import { lostEntriesHint, otherFilesText } from './lost-entries-hint.ts';

test('what could not be written here is not called damaged', () => {
  expect(lostEntriesHint([{ code: 'unwritable' }], true)).toContain('Only root can make devices');
  expect(lostEntriesHint([{ code: 'unwritable' }], true)).not.toContain('vault check');
  expect(lostEntriesHint([{ code: 'unwritable' }], false)).toContain('--allow-damaged');
});

test('what is damaged or missing sends to the check and to other snapshots', () => {
  for (const code of ['damaged', 'missing'] as const) {
    expect(lostEntriesHint([{ code: 'unwritable' }, { code }], true)).toContain('holdfast vault check');
    expect(lostEntriesHint([{ code }], false)).toContain('Restore another snapshot');
  }
});

test('what is there besides is counted in words that fit its number', () => {
  expect([0, 1, 2].map((count) => otherFilesText(count, '/back'))).toEqual([
    'There is no other file; its folders are in /back.',
    'The other file is in /back.',
    'The other 2 files are in /back.',
  ]);
});

import { expect, test } from '@jest/globals';
import type { SnapshotOutcome } from '../../cloud-sync/vault/snapshot/snapshot-request.ts';
import { formatOutcome } from './outcome-text.ts';

const outcome: SnapshotOutcome = {
  ...{ id: '37dce429'.padEnd(64, '0'), parent: null, skipped: false, folders: 3 },
  files: { new: 1, changed: 2, unmodified: 48_665 },
  ...{ totalBytes: 2 ** 30, newBytes: 2 ** 20, storedBytes: 2 ** 19, durationMs: 12_300 },
  ...{ problems: [], problemCount: 0 },
};

test('what was taken is said in three lines', () => {
  expect(formatOutcome('data', outcome).split('\n')).toEqual([
    'Snapshot 37dce429 of data: 48,668 files, 1.0 GiB in 12 s.',
    '  files   1 new, 2 changed, 48,665 as before',
    '  stored  512.0 KiB for 1.0 MiB that the repository did not have',
  ]);
});

test('what could not be taken is listed, twenty at most, and no name moves the cursor', () => {
  const problem = { path: 'logs/\u001b[2Japp.log', code: 'changed', message: 'it grew' } as const;
  const text = formatOutcome('data', {
    ...outcome,
    problems: Array.from({ length: 25 }, () => problem),
    problemCount: 2000,
  });
  expect(text.split('\n').slice(3)).toEqual([
    '2,000 entries could not be taken as they were:',
    ...Array.from({ length: 20 }, () => '  changed  logs/ [2Japp.log: it grew'),
    '  and 1,980 more: --json lists them',
  ]);
});

test('a snapshot that was not needed names the one before', () => {
  expect(formatOutcome('data', { ...outcome, skipped: true })).toMatch(
    /^Nothing changed in data since snapshot 37dce429 /,
  );
});

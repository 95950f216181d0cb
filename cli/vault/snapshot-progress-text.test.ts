import { expect, test } from '@jest/globals';
import { formatSnapshotProgress } from './snapshot-progress-text.ts';

const progress = {
  ...{ filesDone: 1, filesTotal: 2, bytesDone: 2 ** 20, bytesTotal: 2 ** 21, bytesAdded: 2 ** 19 },
  ...{ bytesPerSecond: 2 ** 20, remainingMs: 1000 },
};

test('while files are read there is a bar, and while the last is stored it says so', () => {
  expect(formatSnapshotProgress(progress)).toMatch(/^██████░░░░░░ {2}50 % {2}1\.0 s left/);
  expect(formatSnapshotProgress({ ...progress, filesDone: 2, bytesDone: 2 ** 21 })).toBe(
    'all read; 512.0 KiB stored so far',
  );
});

import { expect, test } from '@jest/globals';
import { formatAge, formatDuration } from './duration-text.ts';
import { formatTransfer } from './transfer-text.ts';

test('a transfer shows share, time left, rate, bytes and files', () => {
  const line = formatTransfer({
    ...{ filesDone: 1200, bytesDone: 512 * 2 ** 20, filesTotal: 48_668, bytesTotal: 2 ** 30 },
    ...{ bytesPerSecond: 85 * 2 ** 20, remainingMs: 65_000 },
  });
  expect(line).toBe(
    '██████░░░░░░  50 %  1 min 5 s left  85.0 MiB/s  512.0 MiB of 1.0 GiB  1,200 of 48,668 files',
  );
});

test('while the folder is still walked there is no share to show', () => {
  const line = formatTransfer({
    ...{
      filesDone: 1,
      bytesDone: 10,
      filesTotal: null,
      bytesTotal: null,
      bytesPerSecond: 5,
      remainingMs: null,
    },
  });
  expect(line).toBe('10 B  1 file  5 B/s');
});

test('durations have at most two units, ages one', () => {
  expect([0, 420, 12_000, 65_000, 3_600_000, 187_200_000].map(formatDuration)).toEqual([
    ...['0.0 s', '0.4 s', '12 s', '1 min 5 s', '1 h', '2 d 4 h'],
  ]);
  expect([500, 59_000, 60_000, 7_300_000, 260_000_000].map(formatAge)).toEqual([
    ...['just now', 'just now', '1 min ago', '2 h ago', '3 d ago'],
  ]);
});

import { expect, test } from '@jest/globals';
import { RestoreMeter } from './restore-meter.ts';
import type { RestoreProgress } from './restore-request.ts';

test('progress is told at each phase and a few times a second, with the rate of the phase and the time left', () => {
  let nowMs = 0;
  const told: RestoreProgress[] = [];
  const meter = new RestoreMeter(
    (progress) => told.push(progress),
    () => nowMs,
  );
  meter.expect(10, 1_000);
  meter.enter('verifying');
  meter.add(0, 400);
  expect(told).toHaveLength(1);
  nowMs = 5_000;
  meter.enter('writing');
  expect(told.at(-1)).toMatchObject({
    phase: 'writing',
    bytesDone: 400,
    bytesPerSecond: 0,
    remainingMs: null,
  });
  nowMs = 6_000;
  meter.add(2, 200);
  meter.add(1, 100);
  expect(told).toHaveLength(3);
  expect(told.at(-1)).toMatchObject({
    filesDone: 2,
    filesTotal: 10,
    bytesDone: 600,
    bytesPerSecond: 200,
    remainingMs: 2_000,
  });
});

import { expect, test } from '@jest/globals';
import { exitReasonOf } from './exit-status.ts';

test('a status is an exit code, or the signal that killed it', () => {
  expect(exitReasonOf('0\n', false)).toEqual({ kind: 'exited', code: 0 });
  expect(exitReasonOf('255\n', false)).toEqual({ kind: 'exited', code: 255 });
  expect(exitReasonOf('143\n', true)).toEqual({ kind: 'killed', signal: 'SIGTERM', outOfMemory: false });
  expect(exitReasonOf('137\n', false)).toEqual({ kind: 'killed', signal: 'SIGKILL', outOfMemory: false });
  expect(exitReasonOf('137\n', true)).toEqual({ kind: 'killed', signal: 'SIGKILL', outOfMemory: true });
});

test('a status that was not written to its end is none', () => {
  for (const text of ['', '1', '13', 'x\n', '1\n1\n'])
    expect(exitReasonOf(text, false)).toEqual({ kind: 'lost' });
});

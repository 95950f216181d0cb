import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { FrameWriter } from './frame-writer.ts';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

/** Whether the event loop goes on turning after a frame was sent whose answer comes `afterMs` later. */
function isAwaitedAwake(writer: FrameWriter, afterMs: number): boolean {
  writer.send({ type: 'ready' });
  jest.advanceTimersToNextTimer();
  const isTurning = jest.getTimerCount() > 0;
  jest.advanceTimersByTime(afterMs);
  writer.heard();
  jest.runOnlyPendingTimers();
  return isTurning;
}

test('an answer is waited for awake while answers come soon, and not once they take long', () => {
  const writer = new FrameWriter(new PassThrough());
  expect(isAwaitedAwake(writer, 0)).toBe(true);
  for (let n = 0; n < 8; n++) isAwaitedAwake(writer, 1);
  expect(isAwaitedAwake(writer, 0)).toBe(false);
  for (let n = 0; n < 16; n++) isAwaitedAwake(writer, 0);
  expect(isAwaitedAwake(writer, 0)).toBe(true);
});

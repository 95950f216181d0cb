import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { FrameWriter } from './frame-writer.ts';
import { FrameReader } from './frames.ts';

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

/** How many writes came of it so far. */
function writesOf(stream: PassThrough): () => number {
  let count = 0;
  stream.on('data', () => count++);
  return () => count;
}

test('a frame that is sent at once takes those before it along, and leaves nothing for the end of the turn', () => {
  const stream = new PassThrough();
  const bytes: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => bytes.push(chunk));
  const writes = writesOf(stream);
  const writer = new FrameWriter(stream);
  writer.send({ type: 'log' });
  expect(writes()).toBe(0);
  writer.sendAtOnce({ type: 'result' });
  expect(writes()).toBe(1);
  const frames = [...new FrameReader().push(Buffer.concat(bytes))];
  expect(frames.map(({ header }) => header)).toEqual([{ type: 'log' }, { type: 'result' }]);
  jest.runOnlyPendingTimers();
  expect(writes()).toBe(1);
});

test('the answer to a frame that is sent at once is waited for awake too', () => {
  const writer = new FrameWriter(new PassThrough());
  writer.sendAtOnce({ type: 'result' });
  expect(jest.getTimerCount()).toBeGreaterThan(0);
  jest.advanceTimersByTime(1);
  jest.advanceTimersByTime(1);
  expect(jest.getTimerCount()).toBe(0);
});

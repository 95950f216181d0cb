import { expect, test } from '@jest/globals';
import { recordEvent } from './stream-triggers.ts';

test('an event does not keep the page in memory that its message was read with', () => {
  const page = Buffer.alloc(256 * 1024, 'x');
  const message = { topic: 'a', payload: page.subarray(100, 120) };
  const operation = recordEvent('f', { time: 1, message });
  const payload = operation?.op === 'enqueue' ? operation.event.payload : undefined;
  expect(payload).toEqual(new Uint8Array(20).fill('x'.charCodeAt(0)));
  expect(payload?.buffer.byteLength).toBe(20);
});

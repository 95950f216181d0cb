import { expect, test } from '@jest/globals';
import { messageText } from './message-text.ts';

const time = '2026-01-01T00:00:00.000Z';
const place = { id: 8192, device: 'kiosk', epoch: 'e', stream: 'site', seq: 7, time, received: time };
const textOf = (payload: string | Uint8Array, topic = 'site/door') =>
  messageText({
    ...place,
    ...{ topic, payload: Buffer.from(payload).toString('base64'), contentType: null, gap: null },
  });
const head = `${time} kiosk site/7`;

test('a line names time, device, stream, number, topic and payload', () => {
  expect(textOf('{"open":true}')).toBe(`${head} site/door {"open":true}`);
  expect(textOf('')).toBe(`${head} site/door`);
});

test('only the beginning of a long payload is shown, and how long it is', () => {
  expect(textOf('x'.repeat(200))).toBe(`${head} site/door ${'x'.repeat(200)}`);
  expect(textOf('é'.repeat(201))).toBe(`${head} site/door ${'é'.repeat(200)}… (402 bytes)`);
});

test('a message stays one line and does nothing to the terminal', () => {
  expect(textOf('a\u001b[2J\r\nb', 'site/\u0007x')).toBe(`${head} site/ x a [2J b`);
  expect(textOf(Uint8Array.of(0xff, 0xd8, 0))).toBe(`${head} site/door (3 bytes that are no text)`);
});

test('a gap says how much is missing and why', () => {
  const gap = { count: 3, reason: 'ttl' };
  expect(messageText({ ...place, topic: null, payload: null, contentType: null, gap })).toBe(
    `${head} (3 messages dropped on the device: ttl)`,
  );
});

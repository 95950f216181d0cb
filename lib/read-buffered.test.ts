import { Readable } from 'node:stream';
import { expect, test } from '@jest/globals';
import { readBuffered } from './read-buffered.ts';

test('gives everything that is there at once, and is told of what comes later', async () => {
  const stream = new Readable({ read: () => undefined });
  const seen: string[] = [];
  stream.on('readable', () => {
    const chunk = readBuffered(() => stream.read() as Buffer | null);
    if (chunk) seen.push(chunk.toString());
  });
  for (const burst of ['ab', 'c', 'def']) {
    for (const letter of burst) stream.push(Buffer.from(letter));
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(seen).toEqual(['ab', 'c', 'def']);
  expect(readBuffered(() => stream.read() as Buffer | null)).toBeNull();
});

import { expect, test } from '@jest/globals';
import { takeBody } from './take-body.ts';

const KiB = 2 ** 10;

/** Counts what was read of it. */
function bodyOf(chunks: number, chunkBytes: number) {
  const read = { chunks: 0 };
  async function* body() {
    for (; read.chunks < chunks; read.chunks++)
      yield await Promise.resolve(Buffer.alloc(chunkBytes, read.chunks));
  }
  return { body: body(), read };
}

test('hands a body over in large pieces and in order', async () => {
  const { body } = bodyOf(40, 16 * KiB);
  const pieces: Uint8Array[] = [];
  await takeBody(body, 2 ** 20, (piece) => Promise.resolve(void pieces.push(piece)));
  expect(pieces.map(({ byteLength }) => byteLength)).toEqual([256 * KiB, 256 * KiB, 128 * KiB]);
  const all = Buffer.concat(pieces);
  expect(Array.from({ length: 40 }, (_, at) => all[at * 16 * KiB])).toEqual(
    Array.from({ length: 40 }, (_, at) => at),
  );
});

test('hands over nothing of an empty body', async () => {
  const { body } = bodyOf(0, 1);
  await takeBody(body, 10, () => Promise.reject(new Error('called')));
});

test('reads a refused body to its end and then says why', async () => {
  const { body, read } = bodyOf(40, 256 * KiB);
  let calls = 0;
  const taking = takeBody(body, 2 ** 30, () => {
    calls += 1;
    return Promise.reject(new Error('no room'));
  });
  await expect(taking).rejects.toThrow('no room');
  expect(calls).toBe(1);
  expect(read.chunks).toBe(40);
});

test('reads no more of a refused body than a file may have', async () => {
  const { body, read } = bodyOf(1000, 256 * KiB);
  await expect(takeBody(body, 2 ** 20, () => Promise.reject(new Error('no room')))).rejects.toThrow(
    'no room',
  );
  expect(read.chunks).toBe(4);
});

import { expect, test } from '@jest/globals';
import { textLines } from './text-lines.ts';

async function* chunksOf(...chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  yield* chunks;
}

async function linesOf(chunks: AsyncIterable<Uint8Array>): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of textLines(chunks, { maxChars: 100 })) lines.push(line);
  return lines;
}

test('lines are whole wherever the chunks end, in the middle of a letter too', async () => {
  const bytes = Buffer.from('one\nzwölf\n\nlast');
  for (const size of [1, 2, 3, 100]) {
    const count = Math.ceil(bytes.byteLength / size);
    const chunks = Array.from({ length: count }, (_, n) => bytes.subarray(n * size, (n + 1) * size));
    expect(await linesOf(chunksOf(...chunks))).toEqual(['one', 'zwölf', '', 'last']);
  }
  expect(await linesOf(chunksOf())).toEqual([]);
  expect(await linesOf(chunksOf(Buffer.from('a\n')))).toEqual(['a']);
});

test('nothing is read ahead of a slow reader', async () => {
  let read = 0;
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) {
      read++;
      await Promise.resolve();
      yield Buffer.from(`${read}\n`);
    }
  }
  for await (const line of textLines(endless(), { maxChars: 100 })) if (line === '3') break;
  expect(read).toBe(3);
});

test('a line without an end is refused, and what the source says is passed on', async () => {
  await expect(linesOf(chunksOf(Buffer.from('x'.repeat(101))))).rejects.toThrow('more than 100');
  const broken = (async function* () {
    yield* chunksOf(Buffer.from('a\nb'));
    throw new Error('cut');
  })();
  await expect(linesOf(broken)).rejects.toThrow('cut');
});

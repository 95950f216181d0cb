import { expect, test } from '@jest/globals';
import type { LayerChunk } from '../layer/chunk-table.ts';
import { pieceLimits, planPieces } from './plan-pieces.ts';

/** `a20 b5`: chunks by a hash of one letter and their KiB; capitals are here, each right behind the one before it. */
function plan(text: string): string[] {
  let offset = 0;
  const chunks: LayerChunk[] = text.split(' ').map((word) => {
    const chunk = { offset, frameBytes: Number(word.slice(1)) * 1024, plainBytes: 1, hash: word.slice(0, 1) };
    offset += chunk.frameBytes;
    return chunk;
  });
  const pieces = planPieces(chunks, {
    find: ({ hash, offset: at }) => (hash === hash.toUpperCase() ? at : undefined),
    follows: (first, bytes, next) => next === first + bytes,
  });
  for (const piece of pieces) {
    expect(piece.offset).toBe(piece.chunks[0]?.offset);
    expect(piece.bytes).toBe(piece.chunks.reduce((sum, { frameBytes }) => sum + frameBytes, 0));
  }
  return pieces.map(({ place, chunks: some }) => {
    const hashes = some.map(({ hash }) => hash).join('');
    return place === undefined ? `fetch ${hashes}` : `copy ${hashes}`;
  });
}

test('what is here is copied, what lacks is fetched, each in one piece', () => {
  expect(plan('A20 B20 c20 d20 E20')).toEqual(['copy AB', 'fetch cd', 'copy E']);
});

test('a small gap between two parts is fetched with them, a larger one is not', () => {
  expect(plan('a20 B8 C8 d20')).toEqual(['fetch aBCd']);
  expect(plan('a20 B8 C9 d20')).toEqual(['fetch a', 'copy BC', 'fetch d']);
});

test('a small part at either end is copied all the same', () => {
  expect(plan('A1 b20 C1')).toEqual(['copy A', 'fetch b', 'copy C']);
});

test('a piece stays within its limit', () => {
  const chunk = pieceLimits.pieceBytes / 1024 / 2;
  expect(plan(`a${chunk} b${chunk} c${chunk}`)).toEqual(['fetch ab', 'fetch c']);
  expect(plan(`a${chunk * 3} b1`)).toEqual(['fetch a', 'fetch b']);
});

test('chunks that are here in another order are copied one by one', () => {
  const chunks = [0, 1].map((at) => ({ offset: at * 10, frameBytes: 10, plainBytes: 1, hash: String(at) }));
  const pieces = planPieces(chunks, {
    find: ({ hash }) => (hash === '0' ? 10 : 0),
    follows: (first, bytes, next) => next === first + bytes,
  });
  expect(pieces.map(({ place }) => place)).toEqual([10, 0]);
});

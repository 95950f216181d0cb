import { expect, test } from '@jest/globals';
import { Utf16Decoder } from './utf16-decoder.ts';
import { Utf8Decoder } from './utf8-decoder.ts';
import type { Decoder } from './decoder.ts';

/** Node's TextDecoder is the judge, for the same bytes in the same pieces. */

/** Deterministic, so that a failure can be repeated. */
function* bytesFrom(seed: number): Generator<number> {
  for (let state = seed; ;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state >>> 24;
  }
}

function decodeInPieces(bytes: Uint8Array, cuts: readonly number[], decoder: Decoder): string {
  let text = '';
  let at = 0;
  for (const cut of cuts) {
    text += decoder.decode(bytes.slice(at, cut), false);
    at = cut;
  }
  return text + decoder.decode(bytes.slice(at), true);
}

test.each([
  ['utf-8', () => new Utf8Decoder(false)],
  ['utf-16le', () => new Utf16Decoder(true, false)],
] as const)('decodes %s in pieces as a whole', (label, make) => {
  const judge = new TextDecoder(label, { ignoreBOM: true });
  const wrong: unknown[] = [];
  for (let seed = 1; seed <= 3000; seed++) {
    const random = bytesFrom(seed);
    const next = () => random.next().value as number;
    // Bytes that are often the beginning or the inside of a character.
    const pool = [0x61, 0x80, 0xbf, 0xc2, 0xe0, 0xa0, 0xed, 0x9f, 0xf0, 0x90, 0xf4, 0x8f, 0xff, 0xd8, 0xdc];
    const bytes = Uint8Array.from({ length: 10 }, () => pool[next() % pool.length] ?? 0);
    const cuts = [next() % 11, next() % 11].sort((a, b) => a - b);
    const text = decodeInPieces(bytes, cuts, make());
    if (text !== judge.decode(bytes)) wrong.push([seed, cuts, [...bytes], text]);
  }
  expect(wrong.slice(0, 3)).toEqual([]);
});

import { describe, expect, test } from '@jest/globals';
import { makeText } from './text.ts';

const text = makeText();

/** Deterministic, so that a failure can be repeated. */
function* bytesFrom(seed: number): Generator<number> {
  for (let state = seed; ;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state >>> 24;
  }
}

describe('UTF-8 inside the isolate', () => {
  test.each(['', 'plain', 'ü€😀', '\uD800', 'a\uDC00b', '\uFEFFmark', 'x'.repeat(10_000), '€'.repeat(5000)])(
    'encodes as TextEncoder does (%#)',
    (sample) =>
      expect(Buffer.from(text.encode(sample))).toEqual(Buffer.from(new TextEncoder().encode(sample))),
  );

  test('decodes arbitrary bytes as TextDecoder does', () => {
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    for (let seed = 0; seed < 2000; seed++) {
      const random = bytesFrom(seed);
      const bytes = Uint8Array.from({ length: 12 }, () => random.next().value as number);
      expect([seed, text.decode(bytes)]).toEqual([seed, decoder.decode(bytes)]);
    }
  });

  test('decodes every sequence of two bytes as TextDecoder does', () => {
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    const wrong: number[] = [];
    for (let pair = 0; pair < 65_536; pair++) {
      const bytes = new Uint8Array([pair >> 8, pair & 255, 0x80]);
      if (text.decode(bytes) !== decoder.decode(bytes)) wrong.push(pair);
    }
    expect(wrong).toEqual([]);
  });

  test('refuses invalid bytes when asked to', () => {
    expect(() => text.decode(new Uint8Array([0xff]), true)).toThrow(TypeError);
  });
});

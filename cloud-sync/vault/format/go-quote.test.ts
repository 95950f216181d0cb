import { describe, expect, test } from '@jest/globals';
import { seededRandom } from '../../../test/support/random.ts';
import { goQuote, goUnquote } from './go-quote.ts';
import { bytesOfName, nameOfBytes } from './name-bytes.ts';

describe('names are quoted as Go does', () => {
  // What restic 0.14 wrote for files of these names.
  const written: [bytes: string, quoted: string][] = [
    ['bad\xff\n"q', 'bad\\xff\\n\\"q'],
    ['\xc3\xa9<&> \xe2\x80\xa8\xf0\x9f\x98\x80\xe2\x80\x8b\x7f\xc2\xad', 'é<&> \\u2028😀\\u200b\\x7f\\u00ad'],
    ['plain name.txt', 'plain name.txt'],
    ['back\\slash', 'back\\\\slash'],
    ['\x01\x07\b\f\n\r\t\v', '\\x01\\a\\b\\f\\n\\r\\t\\v'],
    ['\xf0\x90\x80', '\\xf0\\x90\\x80'],
    ['\xf4\x8f\xbf\xbd', '\\U0010fffd'],
  ];
  for (const [bytes, quoted] of written) {
    test(`such as ${quoted}`, () => {
      const name = nameOfBytes(Buffer.from(bytes, 'latin1'));
      expect(goQuote(name)).toBe(quoted);
      expect(goUnquote(quoted)).toBe(name);
    });
  }
});

test('any bytes come back from a name, and any name from its quoted form', () => {
  const random = seededRandom(7);
  const pieces = ['a', '"', '\\', '\n', 'é', '😀', '\u2028', '\ufffd', '\u{10ffff}', '\ue000'];
  for (let round = 0; round < 3000; round += 1) {
    const parts = Array.from({ length: 1 + random() * 8 }, () =>
      random() < 0.5
        ? Buffer.from(pieces[Math.floor(random() * pieces.length)] ?? '')
        : Buffer.of(random() * 256),
    );
    const bytes = Buffer.concat(parts);
    const name = nameOfBytes(bytes);
    expect(bytesOfName(name).equals(bytes)).toBe(true);
    expect(goQuote(name).isWellFormed()).toBe(true);
    expect(goUnquote(goQuote(name))).toBe(name);
  }
});

test('bytes that were escaped one by one make a character together', () => {
  expect(goUnquote('\\xc3\\xa9')).toBe('é');
  expect(goUnquote('\\303\\251')).toBe('é');
  expect(goUnquote('\\xc3x\\xa9')).toBe('\udcc3x\udca9');
});

test('what Go would not have written is refused', () => {
  for (const quoted of [
    'a"b',
    'a\\',
    '\\q',
    '\\x0',
    '\\u12',
    '\\ud800',
    '\\U00110000',
    '\\400',
    'a\nb',
    "\\'",
  ]) {
    expect(() => goUnquote(quoted)).toThrow(expect.objectContaining({ code: 'corrupt' }));
  }
});

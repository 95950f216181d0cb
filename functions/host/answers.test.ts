import { describe, expect, test } from '@jest/globals';
import { answers } from './answers.ts';

const answer = answers(new Map([['streams', 'text']]));

describe('an answer to what an isolate asks', () => {
  test.each<[string, unknown[], unknown]>([
    ['a question that does not exist', ['other'], ''],
    ['a library that does not exist', ['chunk', 'other'], ''],
    ['a library of no name', ['chunk'], ''],
    ['a question that is no text', [{ toString: () => 'random' }], ''],
    ['an address that is no text', ['url', { href: 'http://a' }, ''], ''],
    ['a base that is no text', ['url', 'a', 1], ''],
    ['an address that is too long', ['url', `http://a/${'x'.repeat(300_000)}`, ''], ''],
    ['a property that cannot be set', ['urlWith', 'http://a/', '__proto__', 'x'], ''],
    ['a property that is only read', ['urlWith', 'http://a/', 'origin', 'x'], ''],
    ['an address to change that is none', ['urlWith', 'a', 'port', '1'], ''],
    ['a label that is too long', ['encoding', 'x'.repeat(65)], ''],
    ['bytes that are too many', ['decode', 'gbk', new Uint8Array(2 ** 20 + 1), false], ''],
    ['bytes that are none', ['decode', 'gbk', 'text', false], ''],
    ['an encoding that does not exist', ['decode', 'no', new Uint8Array(1), false], undefined],
    ['bytes not in the encoding', ['decode', 'shift_jis', new Uint8Array([0x82]), true], undefined],
  ])('is empty for %s', (_what, question, expected) => {
    expect(answer(...(question as [unknown]))).toBe(expected);
  });

  test.each([
    [Number.NaN, 0],
    [-1, 0],
    [1e9, 65_536],
    ['5', 0],
    [5, 5],
  ])('to how many random bytes: %s', (count, size) => {
    expect(answer('random', count)).toHaveLength(size);
  });

  test('is one component a line for an address', () => {
    const components = 'http://u:p@a:81/b?c#d|http://a:81|http:|u|p|a:81|a|81|/b|?c|#d'.split('|');
    expect(answer('url', 'b?c#d', 'http://u:p@a:81/x')).toBe(components.join('\n'));
  });
});

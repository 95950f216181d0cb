import { expect, test } from '@jest/globals';
import { URLSearchParams as Own } from './url-search-params.ts';

/** Node's URLSearchParams is the judge. */
const samples = [
  'a=1&b=2&a=3',
  '?a=1',
  '??a',
  '&&a&=b&=&a==b',
  'a=%',
  'a=%2',
  'a=%zz%41',
  'a=%E2%82%AC&b=%E2%82',
  'a=+%2B+',
  'a=b;c=d',
  'ü=€😀',
  'a=\uD800',
  '%61=%62',
  'a=!\'()*-._~"<>`#?',
  'a=\r\n\t\0',
];

test.each(samples)('reads and writes %j as others do', (sample) => {
  expect([...(new Own(sample) as unknown as URLSearchParams)]).toEqual([...new URLSearchParams(sample)]);
  expect(new Own(sample).toString()).toBe(new URLSearchParams(sample).toString());
});

test('writes every character as others do', () => {
  const wrong: number[] = [];
  for (let code = 0; code < 0x3000; code++) {
    const pair = { k: String.fromCodePoint(code) };
    if (new Own(pair).toString() !== new URLSearchParams(pair).toString()) wrong.push(code);
  }
  expect(wrong).toEqual([]);
});

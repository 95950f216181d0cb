import { expect, test } from '@jest/globals';
import { parseListing } from './rest-listing.ts';

const [a, b] = ['a'.repeat(64), 'b'.repeat(64)];

test('reads both versions of the protocol, and when our own server received a file', () => {
  expect(parseListing([a])).toEqual([{ name: a, bytes: undefined, receivedMs: null }]);
  expect(
    parseListing([
      { name: a, size: 1, received: 1_700_000_000_000, more: 'unknown' },
      { name: b, size: 2 },
    ]),
  ).toEqual([
    { name: a, bytes: 1, receivedMs: 1_700_000_000_000 },
    { name: b, bytes: 2, receivedMs: null },
  ]);
});

test('leaves out what is no file of a repository, and the second of two alike', () => {
  const names = ['..', '', 'tmp-file', a.toUpperCase(), `${a}0`, '../' + a, '__proto__'];
  expect(parseListing([...names, a])).toHaveLength(1);
  expect(
    parseListing([
      { name: a, size: 1 },
      { name: a, size: 999 },
    ]),
  ).toEqual([{ name: a, bytes: 1, receivedMs: null }]);
});

test.each([
  ['no list', {}],
  ['nothing', null],
  ['a number among the names', [a, 3]],
  ['null among the names', [null]],
  ['no size', [{ name: a }]],
  ['a size below nothing', [{ name: a, size: -1 }]],
  ['half a byte', [{ name: a, size: 0.5 }]],
  ['a size beyond what a number can tell', [{ name: a, size: 1e300 }]],
  ['a size as text', [{ name: a, size: '1' }]],
  ['a name that is none', [{ name: [a], size: 1 }]],
])('is not taken in by %s', (_, json) => {
  expect(parseListing(json)).toBeUndefined();
});

test('does not believe a time of receipt that is none', () => {
  expect(parseListing([{ name: a, size: 1, received: 'yesterday' }])?.[0]?.receivedMs).toBeNull();
});

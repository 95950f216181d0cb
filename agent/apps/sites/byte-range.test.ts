import { expect, test } from '@jest/globals';
import { rangeOf } from './byte-range.ts';

test.each([
  [undefined, 10, undefined],
  ['bytes=0-0', 10, { start: 0, end: 0 }],
  ['BYTES=3-', 10, { start: 3, end: 9 }],
  ['bytes=-99', 10, { start: 0, end: 9 }],
  ['bytes=0-', 0, 'none'],
  ['bytes=-5', 0, 'none'],
  ['bytes=9999999999999999999-', 10, undefined],
  ['bytes=-', 10, undefined],
  ['bytes=1-2, 3-4', 10, undefined],
])('%j of %i bytes is %j', (header, size, range) => {
  expect(rangeOf(header, size)).toEqual(range);
});

import { expect, test } from '@jest/globals';
import { acceptedCodings } from './accept-encoding.ts';

test.each([
  [undefined, []],
  ['', []],
  ['gzip, deflate, br, zstd', ['br', 'zstd', 'gzip']],
  ['gzip;q=1.0, br;q=0.8', ['gzip', 'br']],
  ['*', ['br', 'zstd', 'gzip']],
  ['*;q=0.5, gzip;q=0', ['br', 'zstd']],
  ['X-GZIP ; q=0.3', ['gzip']],
  ['br;q=2, gzip;q=-1, zstd;q=nan', []],
  ['gzip;q=0.5, identity', []],
  [`${'a,'.repeat(100)}gzip`, []],
])('of %j it takes %j', (header, codings) => {
  expect(acceptedCodings(header)).toEqual(codings);
});

import { expect, test } from '@jest/globals';
import { isDeeperThan } from './json-depth.ts';

test.each([
  ['7', 0],
  ['"[[["', 0],
  ['"\\"[["', 0],
  ['"\\\\"', 0],
  ['[]', 1],
  ['[[],[],{}]', 2],
  ['{"[":[{"a":"}"}]}', 3],
])('%s has a depth of %i', (json, depth) => {
  expect(isDeeperThan(Buffer.from(json), depth)).toBe(false);
  if (depth > 0) expect(isDeeperThan(Buffer.from(json), depth - 1)).toBe(true);
});

test('a depth that no parser of ours should see is found at once', () => {
  expect(isDeeperThan(Buffer.from('['.repeat(1_000_000)), 100)).toBe(true);
});

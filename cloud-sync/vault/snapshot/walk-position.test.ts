import { expect, test } from '@jest/globals';
import { WalkPosition } from './walk-position.ts';

test('before the walk has entered anything, everything lies ahead', () => {
  expect(new WalkPosition().compare([0])).toBe('ahead');
});

test('a place is compared with the walk level by level', () => {
  const walk = new WalkPosition();
  for (const [depth, index] of [3, 5, 2].entries()) walk.enter(depth, index);
  const seen = new WalkPosition(walk.shared);
  for (const place of [[3], [3, 5], [3, 5, 2]]) expect(seen.compare(place)).toBe('inside');
  for (const place of [[4], [3, 6], [3, 5, 3], [3, 5, 2, 0]]) expect(seen.compare(place)).toBe('ahead');
  for (const place of [[2], [3, 4, 9], [3, 5, 1], [0, 9, 9, 9]]) expect(seen.compare(place)).toBe('passed');
});

test('what the walk left for the next entry of a folder above is passed', () => {
  const walk = new WalkPosition();
  walk.enter(0, 3);
  walk.enter(1, 5);
  walk.enter(0, 4);
  expect([walk.compare([3, 5]), walk.compare([4]), walk.compare([4, 5])]).toEqual([
    'passed',
    'inside',
    'ahead',
  ]);
});

test('levels beyond those it keeps harm nothing', () => {
  const walk = new WalkPosition();
  for (let depth = 0; depth < 1000; depth += 1) walk.enter(depth, 1);
  expect(walk.compare(Array.from({ length: 1000 }, () => 1))).toBe('ahead');
  expect(walk.compare([0])).toBe('passed');
});

test('of a folder that the walk is in it says how far that is, of those in front and behind that none or all is looked at', () => {
  const walk = new WalkPosition();
  walk.lookedAt(3);
  expect([walk.lookedAtOf([]), walk.lookedAtOf([0])]).toEqual([3, 0]);
  walk.enter(0, 4);
  walk.lookedAt(250);
  const places = [[4], [5], [3], []];
  expect(places.map((place) => walk.lookedAtOf(place))).toEqual([250, 0, Infinity, Infinity]);
  walk.enter(0, 5);
  expect([walk.lookedAtOf([4]), walk.lookedAtOf([5])]).toEqual([Infinity, 0]);
});

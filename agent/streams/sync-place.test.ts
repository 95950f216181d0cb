import { expect, test } from '@jest/globals';
import { SyncPlace } from './sync-place.ts';

/** Runs `count` syncs on a disk that takes `durationMs`; tells how many were done here. */
function run(place: SyncPlace, count: number, durationMs: number): number {
  let here = 0;
  for (let sync = 0; sync < count; sync++) {
    if (!place.isHere) {
      place.noteBeside();
      continue;
    }
    here++;
    place.noteHere(durationMs);
  }
  return here;
}

test('a quick disk is waited for after the first syncs were done beside', () => {
  const place = new SyncPlace();
  expect(run(place, 64, 0.2)).toBe(0);
  expect(run(place, 100, 0.2)).toBe(100);
});

test('a slow disk is tried ever more seldom, and no more seldom than once in 4096 syncs', () => {
  const place = new SyncPlace();
  expect(run(place, 65, 20)).toBe(1);
  expect(run(place, 128, 20)).toBe(0);
  expect(run(place, 1, 20)).toBe(1);
  run(place, 20_000, 20);
  expect(run(place, 4097, 20)).toBe(1);
});

test('a disk that has become slow holds this thread up only a few times', () => {
  const place = new SyncPlace();
  run(place, 1000, 0.2);
  expect(run(place, 64, 20)).toBe(1);
  const other = new SyncPlace();
  run(other, 1000, 0.2);
  expect(run(other, 30, 1)).toBeLessThan(10);
});

test('one sync that is a little late changes nothing', () => {
  const place = new SyncPlace();
  run(place, 1000, 0.2);
  run(place, 1, 4);
  expect(run(place, 100, 0.2)).toBe(100);
});

test('a disk that has become quick again is waited for at the next trial', () => {
  const place = new SyncPlace();
  run(place, 65, 20);
  expect(run(place, 128, 0.2)).toBe(0);
  expect(run(place, 50, 0.2)).toBe(50);
});

import { expect, test } from '@jest/globals';
import { ReconnectPace } from './reconnect-pace.ts';

function attempts(lives: readonly (number | 'failed')[]): number[] {
  const pace = new ReconnectPace();
  return lives.map((life) => {
    if (life === 'failed') pace.failed();
    else pace.ended(life);
    return pace.attempt;
  });
}

test('failed connections slow down, and a session ends that', () => {
  expect(attempts(['failed', 'failed', 'failed', 60_000, 'failed'])).toEqual([1, 2, 3, 1, 1]);
});

test('sessions that are cut soon slow down from the third on', () => {
  expect(attempts([10, 10, 10, 10, 10])).toEqual([1, 1, 2, 3, 4]);
});

test('failures between short sessions do not forgive them', () => {
  expect(attempts([10, 10, 10, 'failed', 10])).toEqual([1, 1, 2, 2, 3]);
});

test('a session that lasted makes the next retry quick', () => {
  expect(attempts([10, 10, 10, 10, 30_000, 10])).toEqual([1, 1, 2, 3, 1, 1]);
});

import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { Deadlines } from './deadlines.ts';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

test('what is due is told once, in time, and what was deleted never', () => {
  const told: [string, number][] = [];
  const began = performance.now();
  const deadlines = new Deadlines<string>((key) => told.push([key, performance.now() - began]));
  deadlines.set('late', 500);
  deadlines.set('soon', 100);
  deadlines.set('never', 200);
  deadlines.delete('never');
  jest.advanceTimersByTime(1000);
  expect(told.map(([key]) => key)).toEqual(['soon', 'late']);
  for (const [key, at] of told) expect([key, at >= (key === 'soon' ? 100 : 500)]).toEqual([key, true]);
  expect(jest.getTimerCount()).toBe(0);
});

test('a deadline set while others are told is kept', () => {
  const told: string[] = [];
  const deadlines = new Deadlines<string>((key) => {
    told.push(key);
    if (key === 'first') deadlines.set('second', 50);
  });
  deadlines.set('first', 10);
  jest.advanceTimersByTime(40);
  expect(told).toEqual(['first']);
  jest.advanceTimersByTime(50);
  expect(told).toEqual(['first', 'second']);
});

test('of two that are due together, one may delete the other', () => {
  const told: string[] = [];
  const deadlines = new Deadlines<string>((key) => {
    told.push(key);
    deadlines.clear();
  });
  deadlines.set('a', 10);
  deadlines.set('b', 10);
  jest.advanceTimersByTime(100);
  expect(told).toEqual(['a']);
});

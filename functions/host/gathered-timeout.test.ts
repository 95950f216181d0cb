import { expect, test } from '@jest/globals';
import { gatheredTimeoutMs } from './gathered-timeout.ts';
import { limits } from './protocol.ts';

test('timeouts that begin one after another end together', () => {
  const ends = new Set<number>();
  for (let nowMs = 1000; nowMs < 1100; nowMs += 0.25)
    ends.add(Math.floor(nowMs + gatheredTimeoutMs(100, { stepMs: 50, nowMs })));
  expect([...ends]).toEqual([1100, 1150, 1200]);
});

test.each([0, 0.3, 17, 49.9, 50, 50.1])(
  'it is as long as asked, and longer by a step and a millisecond at most: at %p',
  (nowMs) => {
    const timeoutMs = gatheredTimeoutMs(100, { stepMs: 50, nowMs });
    expect(Number.isInteger(timeoutMs)).toBe(true);
    expect(timeoutMs).toBeGreaterThanOrEqual(100);
    expect(timeoutMs).toBeLessThanOrEqual(151);
  },
);

test('a function whose limit is as long as may be is stopped before its process is killed for it', () => {
  for (let nowMs = 1000; nowMs < 1200; nowMs += 0.7) {
    const timeoutMs = gatheredTimeoutMs(200, { stepMs: 100, nowMs });
    expect(timeoutMs).toBeGreaterThanOrEqual(200);
    expect(timeoutMs).toBeLessThan(limits.watchdogGraceMs);
  }
});

test('what has next to nothing left gets a millisecond', () => {
  expect(gatheredTimeoutMs(0, { stepMs: 0, nowMs: 5 })).toBe(1);
  expect(gatheredTimeoutMs(-3, { stepMs: -1.5, nowMs: 5 })).toBe(1);
});

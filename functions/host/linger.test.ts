import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { Linger } from './linger.ts';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

/** Sends, and hears the answer `afterMs` later. */
function exchange(linger: Linger, afterMs: number): void {
  linger.touch();
  jest.advanceTimersByTime(afterMs);
  linger.heard();
}

const turns = () => jest.getTimerCount() > 0;

test('the event loop turns after something was sent, until the answer may take long', () => {
  const linger = new Linger();
  linger.touch();
  expect(turns()).toBe(true);
  jest.advanceTimersByTime(1);
  jest.advanceTimersByTime(1);
  expect(turns()).toBe(false);
});

test('it does not turn for answers that take long, and does again once they come soon', () => {
  const linger = new Linger();
  for (let n = 0; n < 8; n++) exchange(linger, 1);
  jest.runOnlyPendingTimers();
  linger.touch();
  expect(turns()).toBe(false);
  for (let n = 0; n < 16; n++) exchange(linger, 0);
  linger.touch();
  expect(turns()).toBe(true);
});

test('an answer that takes as long as an event does to a host and back is waited for', () => {
  const linger = new Linger();
  for (let n = 0; n < 8; n++) {
    exchange(linger, 0.3);
    jest.runOnlyPendingTimers();
  }
  linger.touch();
  expect(turns()).toBe(true);
});

test('it does not turn while one answer of four takes long', () => {
  const linger = new Linger();
  for (let n = 0; n < 32; n++) {
    exchange(linger, n % 4 === 3 ? 1 : 0);
    jest.runOnlyPendingTimers();
  }
  linger.touch();
  expect(turns()).toBe(false);
});

test('it stops when the answer is there, and what comes unasked says nothing about answers', () => {
  const linger = new Linger();
  linger.touch();
  linger.heard();
  jest.advanceTimersByTime(0);
  expect(turns()).toBe(false);
  for (let n = 0; n < 20; n++) {
    jest.advanceTimersByTime(5);
    linger.heard();
  }
  linger.touch();
  expect(turns()).toBe(true);
});

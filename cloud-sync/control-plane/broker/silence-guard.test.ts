import { EventEmitter } from 'node:events';
import { expect, test } from '@jest/globals';
import { SilenceGuard } from './silence-guard.ts';

function setUp(keepAliveMs = 3000) {
  const clock = { ms: 0 };
  const guard = new SilenceGuard(() => clock.ms);
  const socket = Object.assign(new EventEmitter(), { bytesRead: 0 });
  const state = { isBusy: false, silent: 0 };
  guard.watch({
    socket: socket as never,
    keepAliveMs,
    isBusy: () => state.isBusy,
    onSilent: () => void (state.silent += 1),
  });
  /** Looks as often as it does by itself. */
  const pass = (ms: number): void => {
    for (let left = ms; left > 0; left -= 100) stall(Math.min(left, 100));
  };
  /** Time in which nobody looks. */
  const stall = (ms: number): void => {
    clock.ms += ms;
    guard.look();
  };
  return { guard, socket, state, pass, stall };
}

test('a connection that is silent for one and a half of its keep-alive is ended, once', () => {
  using guard = setUp().guard;
  expect(guard).toBeDefined();
  const { state, pass, guard: other } = setUp();
  pass(4500);
  expect(state.silent).toBe(0);
  pass(1);
  pass(10_000);
  expect(state.silent).toBe(1);
  other[Symbol.dispose]();
});

test('a byte now and then is no silence, nor is work on what came', () => {
  const { guard, socket, state, pass } = setUp();
  for (let n = 0; n < 10; n++) {
    socket.bytesRead += 1;
    pass(4000);
  }
  state.isBusy = true;
  pass(60_000);
  state.isBusy = false;
  pass(4000);
  expect(state.silent).toBe(0);
  guard[Symbol.dispose]();
});

test('time in which this process stood still is no silence of anybody', () => {
  const { guard, state, pass, stall } = setUp();
  pass(3900);
  stall(60_000);
  expect(state.silent).toBe(0);
  pass(200);
  expect(state.silent).toBe(1);
  guard[Symbol.dispose]();
});

test('a long keep-alive is honoured, and a closed connection forgotten', () => {
  const { guard, socket, state, pass } = setUp(60_000);
  pass(89_000);
  expect(state.silent).toBe(0);
  socket.emit('close');
  pass(100_000);
  expect(state.silent).toBe(0);
  guard[Symbol.dispose]();
});

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
  const pass = (ms: number): void => {
    clock.ms += ms;
    guard.look();
  };
  return { guard, socket, state, pass };
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

test('a long keep-alive is honoured, and a closed connection forgotten', () => {
  const { guard, socket, state, pass } = setUp(60_000);
  pass(89_000);
  expect(state.silent).toBe(0);
  socket.emit('close');
  pass(100_000);
  expect(state.silent).toBe(0);
  guard[Symbol.dispose]();
});

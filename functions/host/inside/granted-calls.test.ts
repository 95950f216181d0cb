import { expect, test } from '@jest/globals';
import { makeGrantedCalls } from './granted-calls.ts';
import { takeSafe } from './safe.ts';

test('knows as many calls as it has room for, and begins anew then', () => {
  const granted = makeGrantedCalls(takeSafe());
  for (let n = 0; n < 256; n++) granted.add(`call ${n}`);
  granted.add('call 0');
  expect([granted.has('call 0'), granted.has('call 255'), granted.has('call 256')]).toEqual([
    true,
    true,
    false,
  ]);
  granted.add('call 256');
  expect([granted.has('call 0'), granted.has('call 256')]).toEqual([false, true]);
});

test('does not keep long calls, and knows no names of objects', () => {
  const granted = makeGrantedCalls(takeSafe());
  granted.add('x'.repeat(513));
  expect(granted.has('x'.repeat(513))).toBe(false);
  for (const name of ['__proto__', 'constructor', 'toString']) expect(granted.has(name)).toBe(false);
});

import { expect, test } from '@jest/globals';
import { takeSafe } from './safe.ts';

test('bytes are a typed array of bytes or the memory of one, also of a class of their own, and always a copy', () => {
  const { bytesOf } = takeSafe();
  const memory = new Uint8Array([1, 2, 3]).buffer;
  class Own extends ArrayBuffer {}
  for (const value of [new Uint8Array(memory), memory]) {
    const bytes = bytesOf(value);
    expect([...(bytes ?? [])]).toEqual([1, 2, 3]);
    expect(bytes?.buffer).not.toBe(memory);
  }
  expect(bytesOf(new Own(2))?.byteLength).toBe(2);
});

// Jest gives tests the outer ArrayBuffer; all other builtins are of the test's own realm.
test.each([
  ['of another realm', new Float32Array([1, 2]).buffer],
  ['of WebAssembly', new WebAssembly.Memory({ initial: 1 }).buffer],
  ['without a prototype', Object.setPrototypeOf(new ArrayBuffer(4), null)],
])('memory %s is bytes', (_, value) => {
  expect(takeSafe().bytesOf(value)?.byteLength).toBeGreaterThan(0);
});

test.each([
  ['a record', { byteLength: 3 }],
  ['a list', [1, 2, 3]],
  ['a text', 'abc'],
  ['a number', 3],
  ['nothing', undefined],
  ['null', null],
  ['what only has the prototype of memory', Object.create(ArrayBuffer.prototype)],
  ['what says that it is memory', new Proxy({}, { getPrototypeOf: () => ArrayBuffer.prototype })],
  ['what says that it is an array of bytes', { [Symbol.toStringTag]: 'Uint8Array', length: 3 }],
  [
    'what throws when it is asked',
    new Proxy(
      {},
      {
        getPrototypeOf: () => {
          throw new Error('bent');
        },
      },
    ),
  ],
  ['another view of memory', new Uint16Array(2)],
])('no bytes are %s', (_, value) => {
  expect(takeSafe().bytesOf(value)).toBe(undefined);
});

test('memory is known by what it is after a tenant has bent how classes tell their instances', () => {
  const { bytesOf } = takeSafe();
  Object.defineProperty(ArrayBuffer, Symbol.hasInstance, { value: () => false, configurable: true });
  try {
    expect(bytesOf(new ArrayBuffer(4))?.byteLength).toBe(4);
  } finally {
    Reflect.deleteProperty(ArrayBuffer, Symbol.hasInstance);
  }
});

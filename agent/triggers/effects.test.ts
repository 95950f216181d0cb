import { describe, expect, test } from '@jest/globals';
import { Ledger } from '../streams/ledger.ts';
import { Effects } from './effects.ts';
import { Routes } from './routes.ts';
import { machineSchema } from '../../manifests/machine.ts';

const codeOf = (work: () => unknown): unknown => {
  try {
    work();
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
  return undefined;
};
const bytes = (text: string): Uint8Array => Buffer.from(text);

function effects({
  hops = 0,
  stored = {},
  now = () => new Date(0),
}: { hops?: number; stored?: Record<string, string>; now?: () => Date } = {}) {
  const machine = machineSchema.parse({
    apiVersion: 'holdfast/v1',
    kind: 'Machine',
    metadata: { name: 'device' },
    streams: { log: { topics: ['out/#'] } },
    functions: {
      next: {
        bundle: `r.example.com/a/b@sha256:${'a'.repeat(64)}`,
        on: [{ mqtt: 'out/+' }, { queue: 'orders' }],
        limits: { queue: 5 },
      },
    },
  });
  const store = {
    counts: new Ledger(),
    value: (_store: string, key: string) => {
      const value = stored[key];
      return Promise.resolve(value === undefined ? undefined : bytes(value));
    },
    keys: ({ prefix, limit }: { prefix: string; limit: number }) =>
      Promise.resolve(
        Object.keys(stored)
          .filter((key) => key.startsWith(prefix))
          .sort()
          .slice(0, limit),
      ),
  };
  return new Effects({ store, routes: new Routes(machine), hops, now });
}
const message = { topic: 'out/a', payload: bytes('x'), qos: 1, retain: false } as const;

describe('an invocation', () => {
  test('reads its own writes and removals before what is stored', async () => {
    const own = effects({ stored: { a: 'old', b: 'old', c: 'old' } });
    void own.kvPut('s', 'a', bytes('new'));
    own.kvDelete('s', 'b');
    expect(String(await own.kvGet('s', 'a'))).toBe('new');
    expect(await own.kvGet('s', 'b')).toBeUndefined();
    expect(String(await own.kvGet('s', 'c'))).toBe('old');
  });

  test('lists stored keys with its own changes, in order, up to the limit', async () => {
    const own = effects({ stored: { 'k/1': '', 'k/2': '', 'k/4': '', other: '' } });
    void own.kvPut('s', 'k/3', bytes('x'));
    own.kvDelete('s', 'k/1');
    void own.kvPut('another', 'k/9', bytes('x'));
    expect(await own.kvList('s', { prefix: 'k/', limit: 2 })).toEqual(['k/2', 'k/3']);
    expect(await own.kvList('s', { prefix: 'k/', limit: 10 })).toEqual(['k/2', 'k/3', 'k/4']);
  });

  test('turns into one list of operations: the last write of a key, then messages to streams and functions', () => {
    const own = effects();
    void own.kvPut('s', 'a', bytes('1'));
    void own.kvPut('s', 'a', bytes('2'));
    own.kvDelete('s', 'b');
    void own.publish({ ...message, retain: true });
    const operations = own.operations(7);
    expect(operations.map(({ op }) => op)).toEqual(['put', 'remove', 'append', 'enqueue', 'retain']);
    expect(operations[0]).toMatchObject({ value: bytes('2') });
    expect(operations[3]).toMatchObject({ capacity: 10, event: { function: 'next', hops: 1, time: 7 } });
  });

  test('starts no further function after eight, and is logged all the same', () => {
    const own = effects({ hops: 8 });
    void own.publish(message);
    expect(own.operations(0).map(({ op }) => op)).toEqual(['append']);
  });

  test.each([
    ['an empty topic', ''],
    ['a filter', 'a/+'],
    ['everything', '#'],
    ["the broker's own topics", '$SYS/x'],
    ['a topic with NUL', 'a\0b'],
    ['an endless topic', 'x'.repeat(1025)],
  ])('may not publish on %s', (_what, topic) => {
    expect(codeOf(() => effects().publish({ ...message, topic }))).toBe('badInput');
  });

  test('is bounded in keys, values, payloads, and in all', () => {
    const refusals = [
      () => effects().kvPut('s', '', bytes('x')),
      () => effects().kvPut('s', 'k'.repeat(513), bytes('x')),
      () => effects().kvPut('s', 'k', new Uint8Array(2 ** 20 + 1)),
      () => effects().publish({ ...message, payload: new Uint8Array(2 ** 20) }),
    ];
    expect(refusals.map(codeOf)).toEqual(refusals.map(() => 'tooLarge'));
    const many = effects();
    const flood = codeOf(() => {
      for (let i = 0; i <= 10_000; i++) void many.publish(message);
    });
    const large = effects();
    const weight = codeOf(() => {
      for (let i = 0; i <= 16; i++) void large.kvPut('s', String(i), new Uint8Array(2 ** 20));
    });
    expect([flood, weight]).toEqual(['tooLarge', 'tooLarge']);
  });
});

describe('a conditional write', () => {
  test('is made when the stored value is the expected one, and the commit checks that again', async () => {
    const own = effects({ stored: { a: 'old' } });
    expect(await own.kvPut('s', 'a', bytes('new'), { expected: bytes('other') })).toBe(false);
    expect(await own.kvPut('s', 'b', bytes('new'), { expected: bytes('') })).toBe(false);
    expect(await own.kvPut('s', 'a', bytes('new'), { expected: null })).toBe(false);
    expect(own.operations(7)).toEqual([]);
    expect(await own.kvPut('s', 'a', bytes('new'), { expected: bytes('old') })).toBe(true);
    expect(await own.kvPut('s', 'b', bytes('first'), { expected: null })).toBe(true);
    expect(own.operations(7)).toMatchObject([
      { op: 'check', key: 'a', expected: bytes('old'), time: 7 },
      { op: 'check', key: 'b', expected: null },
      { op: 'put', key: 'a', value: bytes('new') },
      { op: 'put', key: 'b', value: bytes('first') },
    ]);
  });

  test('on top of own writes is checked against those, and the commit against what they are based on', async () => {
    const own = effects({ stored: { a: '1' } });
    await own.kvPut('s', 'a', bytes('2'), { expected: bytes('1') });
    expect(await own.kvPut('s', 'a', bytes('3'), { expected: bytes('2') })).toBe(true);
    void own.kvPut('s', 'b', bytes('x'));
    expect(await own.kvPut('s', 'b', bytes('y'), { expected: bytes('x') })).toBe(true);
    own.kvDelete('s', 'b');
    expect(await own.kvPut('s', 'b', bytes('z'), { expected: null })).toBe(true);
    expect(own.operations(0)).toMatchObject([
      { op: 'check', key: 'a', expected: bytes('1') },
      { op: 'put', key: 'a', value: bytes('3') },
      { op: 'put', key: 'b', value: bytes('z') },
    ]);
  });
});

test('an own write that has expired is no more seen, and is stored with its expiry', async () => {
  let now = 1000;
  const own = effects({ stored: { a: 'old' }, now: () => new Date(now) });
  void own.kvPut('s', 'a', bytes('new'), { expiresAt: 2000 });
  now = 1999;
  expect(String(await own.kvGet('s', 'a'))).toBe('new');
  now = 2000;
  expect(await own.kvGet('s', 'a')).toBeUndefined();
  expect(await own.kvList('s', { prefix: '', limit: 10 })).toEqual([]);
  expect(own.operations(0)).toMatchObject([{ op: 'put', key: 'a', expires: 2000 }]);
});

test('messages of queues go to the function that takes them, or wait under the name of their queue', () => {
  const own = effects({ hops: 8 });
  own.queueSend('orders', { body: bytes('1'), contentType: 'text/plain', delayMs: 500 });
  own.queueSend('nobody', { body: bytes('2'), delayMs: 0 });
  expect(own.operations(100)).toEqual([
    {
      op: 'enqueue',
      capacity: 10,
      event: {
        ...{ function: 'next', kind: 'queue', topic: 'orders', payload: bytes('1') },
        ...{ contentType: 'text/plain', time: 100, hops: 0, notBefore: 600 },
      },
    },
    {
      op: 'enqueue',
      capacity: 2000,
      event: {
        ...{ function: 'queue:nobody', kind: 'queue', topic: 'nobody', payload: bytes('2') },
        ...{ contentType: undefined, time: 100, hops: 0 },
      },
    },
  ]);
  expect(() => own.queueSend('orders', { body: new Uint8Array(2 ** 20), delayMs: 0 })).toThrow('queue');
});

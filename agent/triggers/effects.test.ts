import { describe, expect, test } from '@jest/globals';
import { Ledger } from '../streams/ledger.ts';
import { Effects } from './effects.ts';
import { Routes } from './routes.ts';
import { machineSchema } from '../../manifests/machine.ts';

const codeOf = (work: () => void): unknown => {
  try {
    work();
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
  return undefined;
};
const bytes = (text: string): Uint8Array => Buffer.from(text);

function effects({ hops = 0, stored = {} }: { hops?: number; stored?: Record<string, string> } = {}) {
  const machine = machineSchema.parse({
    apiVersion: 'holdfast/v1',
    kind: 'Machine',
    metadata: { name: 'device' },
    streams: { log: { topics: ['out/#'] } },
    functions: {
      next: {
        bundle: `r.example.com/a/b@sha256:${'a'.repeat(64)}`,
        on: [{ mqtt: 'out/+' }],
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
  return new Effects({ store, routes: new Routes(machine), hops });
}
const message = { topic: 'out/a', payload: bytes('x'), qos: 1, retain: false } as const;

describe('an invocation', () => {
  test('reads its own writes and removals before what is stored', async () => {
    const own = effects({ stored: { a: 'old', b: 'old', c: 'old' } });
    own.kvPut('s', 'a', bytes('new'));
    own.kvDelete('s', 'b');
    expect(String(await own.kvGet('s', 'a'))).toBe('new');
    expect(await own.kvGet('s', 'b')).toBeUndefined();
    expect(String(await own.kvGet('s', 'c'))).toBe('old');
  });

  test('lists stored keys with its own changes, in order, up to the limit', async () => {
    const own = effects({ stored: { 'k/1': '', 'k/2': '', 'k/4': '', other: '' } });
    own.kvPut('s', 'k/3', bytes('x'));
    own.kvDelete('s', 'k/1');
    own.kvPut('another', 'k/9', bytes('x'));
    expect(await own.kvList('s', { prefix: 'k/', limit: 2 })).toEqual(['k/2', 'k/3']);
    expect(await own.kvList('s', { prefix: 'k/', limit: 10 })).toEqual(['k/2', 'k/3', 'k/4']);
  });

  test('turns into one list of operations: the last write of a key, then messages to streams and functions', () => {
    const own = effects();
    own.kvPut('s', 'a', bytes('1'));
    own.kvPut('s', 'a', bytes('2'));
    own.kvDelete('s', 'b');
    own.publish({ ...message, retain: true });
    const operations = own.operations(7);
    expect(operations.map(({ op }) => op)).toEqual(['put', 'remove', 'append', 'enqueue', 'retain']);
    expect(operations[0]).toMatchObject({ value: bytes('2') });
    expect(operations[3]).toMatchObject({ capacity: 10, event: { function: 'next', hops: 1, time: 7 } });
  });

  test('starts no further function after eight, and is logged all the same', () => {
    const own = effects({ hops: 8 });
    own.publish(message);
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
      for (let i = 0; i <= 10_000; i++) many.publish(message);
    });
    const large = effects();
    const weight = codeOf(() => {
      for (let i = 0; i <= 16; i++) large.kvPut('s', String(i), new Uint8Array(2 ** 20));
    });
    expect([flood, weight]).toEqual(['tooLarge', 'tooLarge']);
  });
});

import { DatabaseSync } from 'node:sqlite';
import { expect, test } from '@jest/globals';
import { prepareApply } from './apply.ts';
import { Ledger } from './ledger.ts';
import type { Operation } from './operations.ts';
import { prepareReads } from './reads.ts';
import { migrate } from './schema.ts';

const policy = { maxBytes: 2 ** 30, relayed: false, consumers: [], keepRead: true };

function open() {
  const database = new DatabaseSync(':memory:');
  migrate(database, ':memory:');
  const ledger = Ledger.load(database);
  const apply = prepareApply(database, () => policy);
  const reads = prepareReads(database);
  return {
    ledger,
    run(...operations: Operation[]): string[] {
      const draft = apply([operations], ledger);
      ledger.accept(draft);
      return [...draft.arrived.keys(), ...draft.awakened];
    },
    queues: () => reads.queues(),
    events: (name: string, after = 0) => {
      const query = { now: 1e14, ordered: true, forgiven: false, known: 0 };
      return reads.near({ function: name, after, ...query }).events;
    },
    reload: () => Ledger.load(database),
    [Symbol.dispose]: () => database.close(),
  };
}

const message = (owner: string, queue: string, text: string, notBefore?: number): Operation => ({
  op: 'enqueue',
  capacity: 10,
  event: {
    function: owner,
    kind: 'queue',
    topic: queue,
    payload: Buffer.from(text),
    contentType: 'text/plain',
    time: 5,
    hops: 1,
    notBefore,
  },
});

test('a message of a queue is an event with its queue, content type and the time before which it waits', () => {
  using local = open();
  expect(local.run(message('f', 'orders', 'a', 700))).toEqual(['f']);
  expect(local.events('f')).toMatchObject([
    { kind: 'queue', topic: 'orders', contentType: 'text/plain', notBefore: 700, time: 5, hops: 1 },
  ]);
});

test('messages go over to another owner in their order, behind all that it may have read, with attempts and delays', () => {
  using local = open();
  local.run(message('queue:orders', 'orders', 'a'), message('queue:orders', 'orders', 'b', 900));
  local.run({ op: 'postpone', id: 1, function: 'queue:orders', attempts: 2, notBefore: 300 });
  local.run(message('f', 'other', 'x'));
  const read = local.events('f').at(-1)?.id ?? 0;
  expect(local.run({ op: 'adopt', queue: 'orders', from: 'queue:orders', to: 'f' })).toEqual(['f']);
  const moved = local.events('f', read);
  expect(moved.map(({ payload }) => String(Buffer.from(payload)))).toEqual(['a', 'b']);
  expect(moved).toMatchObject([
    { attempts: 2, notBefore: 300 },
    { attempts: 0, notBefore: 900 },
  ]);
  expect(local.queues()).toEqual([
    { queue: 'orders', function: 'f' },
    { queue: 'other', function: 'f' },
  ]);
  expect([local.ledger.queued('f'), local.ledger.queued('queue:orders')]).toEqual([3, 0]);
  expect(local.reload().queued('f')).toBe(3);
});

test('what the former owner still says of a message that it gave away is refused', () => {
  using local = open();
  local.run(message('old', 'orders', 'a'));
  local.run({ op: 'adopt', queue: 'orders', from: 'old', to: 'new' });
  local.run({ op: 'finish', id: 1, function: 'old' });
  expect([local.ledger.queued('old'), local.ledger.queued('new')]).toEqual([0, 1]);
  expect(local.events('new')).toHaveLength(1);
});

test('only messages of that queue move, and a move to itself keeps everything', () => {
  using local = open();
  local.run(message('f', 'orders', 'a'), message('f', 'other', 'b'));
  local.run({ op: 'adopt', queue: 'orders', from: 'f', to: 'f' });
  local.run({ op: 'adopt', queue: 'orders', from: 'f', to: 'g' });
  expect(local.events('f').map(({ topic }) => topic)).toEqual(['other']);
  expect(local.events('g').map(({ topic }) => topic)).toEqual(['orders']);
});

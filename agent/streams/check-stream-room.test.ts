import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from '@jest/globals';
import { seededRandom } from '../../test/support/random.ts';
import { prepareApply } from './apply.ts';
import { Ledger } from './ledger.ts';
import { maxSeq, maxStreams, messageId } from './message-ids.ts';
import type { Operation } from './operations.ts';
import { prepareRecordReads } from './record-reads.ts';
import { migrate } from './schema.ts';

/** Streams `s1` and on, each with its last number, and the message of that. */
function store(streams: number, lastSeq: number) {
  const database = new DatabaseSync(':memory:');
  migrate(database, ':memory:');
  const insert = database.prepare('INSERT INTO streams VALUES (?, ?, 0, 0, ?, 0, 0, 1, ?)');
  const hold = database.prepare(
    'INSERT INTO messages (id, time, size, topic, payload) VALUES (?, 0, 0, ?, ?)',
  );
  for (let number = 1; number <= streams; number++) {
    insert.run(`s${number}`, lastSeq, '', number);
    hold.run(messageId(number, lastSeq), 'old', Buffer.from(`old ${number}`));
  }
  let ledger = Ledger.load(database);
  const policy = { maxBytes: 2 ** 30, relayed: false, consumers: [], keepRead: true, fails: false };
  const apply = prepareApply(
    database,
    () => {
      if (policy.fails) throw new Error('no policy');
      return policy;
    },
    (name) => `${name}-dead`,
  );
  const reads = prepareRecordReads(database);
  return {
    policy,
    get ledger(): Ledger {
      return ledger;
    },
    /** As after a restart. */
    reload: (): void => void (ledger = Ledger.load(database)),
    /** Payloads and gaps behind `after`. */
    read: (stream: string, after = 0): string[] =>
      reads.records({ stream, after, limit: 1000, maxBytes: 2 ** 30 }).map((record) => {
        const { seq, gap } = record;
        return `${seq} ${gap ? `gap ${gap.count}` : Buffer.from(record.message.payload).toString()}`;
      }),
    /** Numbers that streams have on disk. */
    numbers: (): number[] =>
      database
        .prepare('SELECT number FROM streams WHERE number > 0')
        .all()
        .map(({ number }) => Number(number)),
    run: (...units: Operation[][]): Map<number, Error> => {
      const draft = apply(units, ledger);
      ledger.accept(draft);
      return draft.refused;
    },
    last: (stream: string) =>
      reads.records({ stream, after: ledger.stream(stream).lastSeq - 1, limit: 1, maxBytes: 99 }),
    [Symbol.dispose]: () => database.close(),
  };
}

/** Drops all that a stream holds. */
const empty = (stream: string): Operation => ({ op: 'expire', stream, before: 2 });
const append = (stream: string, text = 'x'): Operation => ({
  ...{ op: 'append', stream, time: 1, message: { topic: 't', payload: Buffer.from(text) } },
});

test('a stream takes its last number, and refuses what comes behind it while others go on', () => {
  using local = store(2, maxSeq - 1);
  const refused = local.run([append('s1', 'last')], [append('s1')], [append('s2', 'other')]);
  expect([...refused]).toEqual([[1, expect.objectContaining({ code: 'tooLarge' })]]);
  expect(local.ledger.stream('s1').lastSeq).toBe(maxSeq);
  expect(local.last('s1')).toMatchObject([
    { seq: maxSeq, message: { payload: Uint8Array.from(Buffer.from('last')) } },
  ]);
  expect(local.last('s2')).toMatchObject([
    { seq: maxSeq, message: { payload: Uint8Array.from(Buffer.from('other')) } },
  ]);
});

test('a unit whose messages have not all room is refused as a whole', () => {
  using local = store(1, maxSeq - 1);
  expect(local.run([append('s1'), append('s1')]).size).toBe(1);
  expect(local.ledger.stream('s1').lastSeq).toBe(maxSeq - 1);
});

test('the last number for a stream is given, the next stream is refused, and those that are there go on', () => {
  using local = store(maxStreams - 1, 5);
  const refused = local.run([append('new')], [append('newer')], [append('s1')]);
  expect([...refused]).toEqual([[1, expect.objectContaining({ code: 'tooLarge' })]]);
  expect(local.ledger.stream('new')).toMatchObject({ number: maxStreams, lastSeq: 1 });
  expect(local.ledger.stream('s1').lastSeq).toBe(6);
  expect(local.run([append('newer')]).size).toBe(1);
});

test('an event whose dead letter would have no room in its stream is refused, not lost', () => {
  using local = store(maxStreams, 5);
  const event = {
    function: 'f',
    kind: 'message',
    topic: 't',
    payload: Buffer.from('x'),
    time: 1,
    hops: 0,
  } as const;
  expect(local.run([{ op: 'enqueue', capacity: 0, event }]).size).toBe(1);
  expect(local.ledger.dead('f')).toBe(0);
});

test('streams are numbered one after the other, in one transaction and over several', () => {
  using local = store(1, 5);
  local.run([append('a')], [append('b'), append('a')]);
  local.run([append('c')]);
  expect(['s1', 'a', 'b', 'c'].map((name) => local.ledger.stream(name).number)).toEqual([1, 2, 3, 4]);
});

describe('without a number for a new stream', () => {
  test('it gets that of a stream which holds nothing any more, and none of its messages', () => {
    using local = store(maxStreams, 5);
    expect(local.run([append('new', 'first')]).size).toBe(1);
    local.run([empty('s7')]);
    expect(local.run([append('new', 'first')]).size).toBe(0);
    expect(local.read('new')).toEqual(['1 first']);
    expect(local.read('s7')).toEqual([]);
    expect(local.ledger.stream('s7')).toMatchObject({ number: 0, lastSeq: 5 });
    expect(local.run([append('newer')]).size).toBe(1);
  });

  test('the stream that was empty goes on behind its last message when another number is free', () => {
    using local = store(maxStreams, 5);
    local.run([{ op: 'advance', stream: 's7', consumer: 'c', seq: 5 }], [empty('s7')], [append('new')]);
    expect(local.run([append('s7')]).size).toBe(1);
    local.run([empty('s8')]);
    expect(local.run([append('s7', 'sixth')]).size).toBe(0);
    expect(local.read('s7', local.ledger.consumer('s7', 'c')?.seq)).toEqual(['6 sixth']);
    expect(local.read('s8')).toEqual([]);
  });

  test('a stream with gap records keeps its number', () => {
    using local = store(maxStreams, 5);
    local.policy.relayed = true;
    local.run([empty('s7')]);
    expect(local.read('s7')).toEqual(['5 gap 1']);
    expect(local.run([append('new')]).size).toBe(1);
    local.run([{ op: 'acknowledge', stream: 's7', seq: 5, spent: undefined }]);
    expect(local.run([append('new')]).size).toBe(0);
  });

  test('a unit does not take the number of a stream that it appends to itself', () => {
    using local = store(maxStreams, 5);
    local.run([empty('s7')]);
    expect(local.run([append('s7'), append('new')]).size).toBe(1);
    local.run([empty('s8')]);
    expect(local.run([append('s7', 'six'), append('new', 'one')]).size).toBe(0);
    expect([local.read('s7'), local.read('new'), local.read('s8')]).toEqual([['6 six'], ['1 one'], []]);
  });

  test('a transaction that does not come to its end leaves every stream its number', () => {
    using local = store(maxStreams, 5);
    local.run([empty('s7')]);
    local.policy.fails = true;
    expect(() => local.run([append('new')])).toThrow('no policy');
    local.policy.fails = false;
    expect([local.ledger.stream('s7').number, local.numbers().length]).toEqual([7, maxStreams]);
    expect(local.run([append('s7', 'six')]).size).toBe(0);
    expect(local.read('s7')).toEqual(['6 six']);
  });

  test('streams that come and go never see messages of each other, over restarts too', () => {
    using local = store(maxStreams - 3, 5);
    const random = seededRandom(1);
    const held = new Map<string, string[]>();
    const last = new Map<string, number>();
    for (let step = 0; step < 400; step++) {
      const units = Array.from({ length: 1 + Math.floor(random() * 3) }, (_, part) => {
        const stream = `n${Math.floor(random() * 12)}`;
        return random() < 0.5 ? [empty(stream)] : [append(stream, `${stream} at ${step}.${part}`)];
      });
      const refused = local.run(...units);
      for (const [place, [operation]] of units.entries()) {
        if (refused.has(place) || !operation) continue;
        if (operation.op === 'expire') held.set(operation.stream, []);
        if (operation.op !== 'append') continue;
        const { stream, message } = operation;
        last.set(stream, (last.get(stream) ?? 0) + 1);
        const line = `${last.get(stream)} ${Buffer.from(message.payload).toString()}`;
        held.set(stream, [...(held.get(stream) ?? []), line]);
      }
      for (const [stream, lines] of held) expect([stream, local.read(stream)]).toEqual([stream, lines]);
      if (random() < 0.05) local.reload();
    }
    expect(last.size).toBe(12);
    expect(local.read('s1')).toEqual(['5 old 1']);
    expect(Math.max(...local.numbers())).toBe(maxStreams);
  });
});

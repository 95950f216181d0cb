import { promisify } from 'node:util';
import { zstdDecompress } from 'node:zlib';
import { afterEach, expect, test } from '@jest/globals';
import { decodeRelayBatch } from '../../cloud-sync/protocol/relay-batch.ts';
import { silentLogger } from '../../lib/logger.ts';
import type { StreamState } from '../streams/ledger.ts';
import type { Operation, StreamRecord } from '../streams/operations.ts';
import type { UplinkPort } from './ports.ts';
import { StreamSender, type RelaySpec, type StreamSenderOptions } from './stream-sender.ts';

const epoch = '0123456789abcdef';
const { signal } = new AbortController();
const decompress = promisify(zstdDecompress);

const record = (seq: number, bytes: number): StreamRecord => ({
  seq,
  time: 0,
  gap: undefined,
  message: { topic: 'a', payload: Buffer.alloc(bytes, seq) },
});

const opened: StreamSender[] = [];
// What waits for an ack would keep the test's process from ending.
afterEach(() => Promise.all(opened.splice(0).map((sender) => sender.stop())));

/** A stream of some messages, a clock that stands still, and links that lose what is sent or take it in silence. */
function setUp({
  spec = {},
  bytes = 1,
  spent = 0,
  lastSeq = 3,
}: { spec?: Partial<RelaySpec>; bytes?: number; spent?: number; lastSeq?: number } = {}) {
  let time = Date.parse('2026-01-01T12:00:00Z');
  const state: StreamState = {
    ...{ number: 1, lastSeq, ackedSeq: 0, bytes: 3, messages: 0, epochStart: 0 },
    spent: { day: '2026-01-01', bytes: spent },
  };
  const commits: Operation[] = [];
  const aheads: number[] = [];
  let held: Promise<undefined> | undefined;
  const store = {
    epoch,
    counts: { stream: () => state } as unknown as StreamSenderOptions['store']['counts'],
    commit: (operations) => {
      commits.push(...operations);
      return Promise.resolve();
    },
    records: async ({ after, maxBytes }) => {
      await held;
      const count = Math.min(lastSeq - after, Math.ceil(maxBytes / bytes));
      return Array.from({ length: count }, (_, index) => record(after + index + 1, bytes));
    },
  } satisfies StreamSenderOptions['store'];
  let passed = 0;
  const sender = new StreamSender(
    {
      ...{ stream: 's', store, ackTimeoutMs: 60_000, logger: silentLogger },
      now: () => new Date(time),
      random: () => 0,
      onChange: () => undefined,
      onAhead: (seq) => aheads.push(seq),
      onPassed: (bytes) => (passed += bytes),
    },
    { priority: 0, ...spec },
  );
  opened.push(sender);
  const sent: Uint8Array[] = [];
  const link = (works: boolean): UplinkPort => ({
    connected: true,
    sendRelay: (payload) => {
      sent.push(payload);
      return works ? Promise.resolve() : Promise.reject(new Error('the link was lost'));
    },
    onRelayAck: () => () => undefined,
    onConnectionChange: () => () => undefined,
    onOlderDisk: () => () => undefined,
  });
  return {
    ...{ sender, sent, commits, aheads },
    passed: () => passed,
    send: async (works = true) => {
      await sender.send(link(works), signal);
      // A refusal comes back after that.
      await Promise.resolve();
      await Promise.resolve();
    },
    ack: (seq: number) => sender.acknowledge({ epoch, stream: 's', seq }),
    /** Reads wait until what it returns is called. */
    holdReads: () => {
      const { promise, resolve } = Promise.withResolvers<undefined>();
      held = promise;
      return () => resolve(undefined);
    },
    sleep: (ms: number) => (time += ms),
    spans: () => Promise.all(sent.map(spanOf)),
  };
}

async function spanOf(payload: Uint8Array): Promise<string> {
  const batch = decodeRelayBatch(JSON.parse((await decompress(payload)).toString('utf8')));
  return typeof batch === 'string' ? batch : `${batch.firstSeq}-${batch.lastSeq}`;
}

test('a batch that the link was lost over is sent at once on the next link', async () => {
  const { sender, send } = setUp();
  for (let turn = 0; turn < 2; turn++) {
    await send(false);
    sender.reconnected();
    expect(sender.dueInMs).toBe(0);
  }
});

test('a batch that every link is lost over is tried ever more slowly, reconnected or not', async () => {
  const { sender, send, sleep } = setUp();
  const waits: (number | undefined)[] = [];
  for (let turn = 0; turn < 12; turn++) {
    await send(false);
    sender.reconnected();
    waits.push(sender.dueInMs);
    sleep(sender.dueInMs ?? 0);
  }
  expect(waits.slice(0, 5)).toEqual([0, 0, 1000, 2000, 4000]);
  expect(waits.at(-1)).toBe(15_000);
});

test('a clock that is set back ends the waiting', async () => {
  const { sender, send, sleep } = setUp();
  for (let turn = 0; turn < 5; turn++) await send(false);
  expect(sender.dueInMs).toBe(4000);
  sleep(-3_600_000);
  expect(sender.dueInMs).toBe(0);
});

test('an ack ends the waiting', async () => {
  const { sender, send, ack } = setUp();
  for (let turn = 0; turn < 5; turn++) await send(false);
  await send();
  ack(1);
  sender.disconnected();
  sender.reconnected();
  expect(sender.dueInMs).toBe(0);
  await sender.stop();
});

/** 64 messages of 1 KiB make a batch before the first ack. */
const large = { bytes: 1024, lastSeq: 1000 };

test('batches go one after the other without waiting for acks, up to the window', async () => {
  const { sender, send, spans } = setUp(large);
  while (sender.dueInMs === 0) await send();
  expect(await spans()).toEqual(['1-63', '64-126']);
  await sender.stop();
});

test('[G5] acks that do not move the cursor, and no other to come, send all again, once', async () => {
  const { sender, send, ack, spans } = setUp(large);
  while (sender.dueInMs === 0) await send();
  ack(0);
  ack(0);
  await send();
  ack(0);
  expect(sender.inFlight.batches).toBe(1);
  expect(await spans()).toEqual(['1-63', '64-126', '1-63']);
  await sender.stop();
});

test('an answer that repeats the cursor sends nothing again while a later one is to come', async () => {
  const { sender, send, ack, spans } = setUp(large);
  while (sender.dueInMs === 0) await send();
  ack(0);
  expect(sender.inFlight.batches).toBe(2);
  ack(126);
  expect(sender.inFlight.batches).toBe(0);
  expect(await spans()).toEqual(['1-63', '64-126']);
  await sender.stop();
});

test('[G5] an ack of less than was acknowledged before sends again what follows it', async () => {
  const { sender, send, ack, spans } = setUp(large);
  await send();
  ack(63);
  ack(10);
  await send();
  expect((await spans()).at(-1)).toMatch(/^11-/);
  await sender.stop();
});

test('one ack may end several batches, and many acks are written down once', async () => {
  const { sender, send, ack, commits } = setUp(large);
  while (sender.dueInMs === 0) await send();
  ack(63);
  ack(126);
  expect(sender.inFlight.batches).toBe(0);
  await sender.stop();
  expect(commits).toMatchObject([{ op: 'acknowledge', stream: 's', seq: 126 }]);
});

test('thin traffic waits for the ack of what is on its way', async () => {
  const { sender, send, ack } = setUp({ lastSeq: 100 });
  await send();
  expect(sender.dueInMs).toBeUndefined();
  ack(50);
  expect(sender.inFlight.batches).toBe(1);
  await sender.stop();
});

test('a message larger than what is left of the budget waits for the next day, and no empty batch is sent', async () => {
  const { sender, send, sent, sleep } = setUp({ spec: { budget: 1000 }, bytes: 2000, spent: 500 });
  await send();
  expect(sent).toEqual([]);
  expect(sender.dueInMs).toBe(12 * 3_600_000);
  sleep(12 * 3_600_000);
  await send();
  expect(sent).toHaveLength(1);
  await sender.stop();
});

test('what was sent of the budget is written down with the ack, to the byte', async () => {
  const { sender, send, ack, commits } = setUp({ spec: { budget: 1000 }, bytes: 99, lastSeq: 20 });
  await send();
  ack(10);
  expect(sender.dueInMs).toBe(12 * 3_600_000);
  await sender.stop();
  expect(commits).toMatchObject([{ seq: 10, spent: { day: '2026-01-01', bytes: 1000 } }]);
});

test('a rate lets batches of two seconds go and then waits', async () => {
  const { sender, send, ack, spans } = setUp({ spec: { rate: 1024 }, bytes: 999, lastSeq: 100 });
  await send();
  expect(await spans()).toEqual(['1-2']);
  ack(2);
  for (let turn = 0; turn < 100 && sender.dueInMs === 0; turn++) {
    await send();
    ack(2 + 2 * (turn + 1));
  }
  expect(sender.dueInMs).toBeGreaterThan(0);
  await sender.stop();
});

test('a cloud that is ahead of this device moves nothing and is told of', async () => {
  const { sender, send, ack, aheads, commits } = setUp();
  await send();
  ack(4);
  expect(aheads).toEqual([4]);
  await sender.stop();
  expect(commits).toEqual([]);
});

test('while one batch is being gathered no other is, though one before it is sent meanwhile', async () => {
  const { sender, send, holdReads, spans } = setUp(large);
  const first = send();
  while (sender.dueInMs !== 0) await new Promise(setImmediate);
  const release = holdReads();
  const second = send();
  await first;
  expect(sender.dueInMs).toBeUndefined();
  release();
  await second;
  expect(await spans()).toEqual(['1-63', '64-126']);
  await sender.stop();
});

test('what was sent is told of as garbage, what waits is not', async () => {
  const { send, passed } = setUp({ bytes: 10 });
  expect(passed()).toBe(0);
  await send();
  // Three messages of 10 bytes, each with its topic.
  expect(passed()).toBe(3 * 11);
});

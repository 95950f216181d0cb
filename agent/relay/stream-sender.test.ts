import { expect, test } from '@jest/globals';
import { silentLogger } from '../../lib/logger.ts';
import type { RelayAck } from '../../cloud-sync/protocol/messages.ts';
import type { StreamState } from '../streams/ledger.ts';
import type { StreamRecord } from '../streams/operations.ts';
import type { UplinkPort } from './ports.ts';
import { StreamSender, type RelaySpec } from './stream-sender.ts';

const epoch = '0123456789abcdef';
const { signal } = new AbortController();
const record = (seq: number, bytes: number): StreamRecord => ({
  seq,
  time: 0,
  gap: undefined,
  message: { topic: 'a', payload: Buffer.alloc(bytes, seq) },
});

/** A stream of three messages, a clock that stands still, and a link that loses what is sent or acknowledges up to a number. */
function setUp({
  spec = {},
  bytes = 1,
  spent = 0,
}: { spec?: Partial<RelaySpec>; bytes?: number; spent?: number } = {}) {
  let time = Date.parse('2026-01-01T12:00:00Z');
  const state: StreamState = {
    lastSeq: 3,
    ackedSeq: 0,
    bytes: 3,
    messages: 0,
    epochStart: 0,
    spent: { day: '2026-01-01', bytes: spent },
  };
  const counts = { stream: () => state } as unknown as ConstructorParameters<
    typeof StreamSender
  >[0]['store']['counts'];
  const sender = new StreamSender(
    {
      stream: 's',
      store: {
        epoch,
        counts,
        commit: () => Promise.resolve(),
        records: ({ after }) =>
          Promise.resolve([1, 2, 3].filter((seq) => seq > after).map((seq) => record(seq, bytes))),
      },
      now: () => new Date(time),
      ackTimeoutMs: 60_000,
      random: () => 0,
      logger: silentLogger,
    },
    { priority: 0, ...spec },
  );
  const sent: Uint8Array[] = [];
  const uplink = (answer: 'drop' | number): UplinkPort => ({
    connected: true,
    sendRelay: (payload) => {
      sent.push(payload);
      if (answer === 'drop') return Promise.reject(new Error('the link was lost'));
      queueMicrotask(() => sender.acknowledge({ epoch, stream: 's', seq: answer } satisfies RelayAck));
      return Promise.resolve();
    },
    onRelayAck: () => () => undefined,
    onConnectionChange: () => () => undefined,
  });
  return { sender, uplink, sent, sleep: (ms: number) => (time += ms) };
}

test('a batch that the link was lost over is sent at once on the next link', async () => {
  const { sender, uplink } = setUp();
  for (let turn = 0; turn < 2; turn++) {
    await sender.send(uplink('drop'), signal);
    sender.reconnected();
    expect(sender.dueInMs).toBe(0);
  }
});

test('a batch that every link is lost over is tried ever more slowly, reconnected or not', async () => {
  const { sender, uplink, sleep } = setUp();
  const waits: (number | undefined)[] = [];
  for (let turn = 0; turn < 12; turn++) {
    await sender.send(uplink('drop'), signal);
    sender.reconnected();
    waits.push(sender.dueInMs);
    sleep(sender.dueInMs ?? 0);
  }
  expect(waits.slice(0, 5)).toEqual([0, 0, 1000, 2000, 4000]);
  expect(waits.at(-1)).toBe(15_000);
});

test('an ack ends the waiting', async () => {
  const { sender, uplink } = setUp();
  for (let turn = 0; turn < 5; turn++) await sender.send(uplink('drop'), signal);
  await sender.send(uplink(1), signal);
  await sender.send(uplink('drop'), signal);
  sender.reconnected();
  expect(sender.dueInMs).toBe(0);
});

test('a message larger than what is left of the budget waits for the next day, and no empty batch is sent', async () => {
  const { sender, uplink, sent, sleep } = setUp({ spec: { budget: 1000 }, bytes: 2000, spent: 500 });
  await sender.send(uplink(1), signal);
  expect(sent).toEqual([]);
  expect(sender.dueInMs).toBe(12 * 3_600_000);
  sleep(12 * 3_600_000);
  await sender.send(uplink(1), signal);
  expect(sent).toHaveLength(1);
});

import { promisify } from 'node:util';
import { zstdCompress } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { silentLogger } from '../../../lib/logger.ts';
import type { CommandStatus } from '../../protocol/messages.ts';
import { encodeRelayBatch, type RelayBatch } from '../../protocol/relay-batch.ts';
import { replaceCertificate } from '../database/certificates.ts';
import { registerDevice } from '../database/devices.ts';
import { openDatabase } from '../database/open.ts';
import type { DeviceIdentity } from '../identity.ts';
import { readMessagePage } from '../message-page.ts';
import { inOrder } from './in-order.ts';
import { createIngest, type OutgoingMessage } from './ingest.ts';
import type { StoredSegment } from './relay-outcome.ts';

const compress = promisify(zstdCompress);
const now = () => new Date('2026-01-02T00:00:00Z');
const source: DeviceIdentity = { kind: 'device', tenant: 'default', device: 'a', serial: '01' };
const time = Date.UTC(2026, 0, 1);

async function setUp() {
  const db = await openDatabase(':memory:');
  const said: OutgoingMessage[] = [];
  const offered: StoredSegment[] = [];
  const statuses: [string, string, CommandStatus][] = [];
  const ingest = createIngest({
    db,
    now,
    logger: silentLogger,
    publish: (message) => void said.push(message),
    onCommandStatus: (...status) => void statuses.push(status),
    onShadow: () => Promise.resolve(),
    onStored: (segments) => void offered.push(...segments),
  });
  await registerDevice(db, now(), 'a');
  const issue = (serial: string) => replaceCertificate(db, now(), { serial, device: 'a', notAfter: now() });
  await issue('01');
  const relay = async (batch: RelayBatch, from = source) =>
    ingest(from, { kind: 'relay' }, await compress(encodeRelayBatch(batch)));
  const stored = async () => {
    const all = { stream: undefined, topic: undefined, sinceMs: undefined, untilMs: undefined };
    return (await readMessagePage(db, { device: 'a', ...all, after: 0, limit: 1000 })).messages;
  };
  const acks = () =>
    said
      .filter(({ topic }) => topic.endsWith('/relay/ack'))
      .map(({ payload }) => (JSON.parse(payload.toString()) as { seq: number }).seq);
  return {
    ingest,
    issue,
    relay,
    stored,
    acks,
    said,
    offered,
    statuses,
    [Symbol.asyncDispose]: () => db.destroy(),
  };
}

const batch = (seqs: number[], topic = 'site/x'): RelayBatch => ({
  epoch: '0123456789abcdef',
  stream: 's',
  firstSeq: seqs[0]!,
  lastSeq: seqs.at(-1)!,
  entries: seqs.map((seq) => ({
    ...{ seq, time, gap: undefined, topic },
    ...{ payload: Buffer.from([seq]), contentType: undefined },
  })),
});

describe('the ingest of the relay', () => {
  test('sends stored messages on once, under the name of the device', async () => {
    await using cloud = await setUp();
    await cloud.relay(batch([1, 2]));
    await cloud.relay(batch([1, 2, 3]));
    const sent = cloud.offered.map(({ id, source, columns }) => [id, source.device, columns.data]);
    expect(sent).toEqual([
      [1, 'a', ['\u0001', '\u0002']],
      [2, 'a', ['\u0003']],
    ]);
    expect(cloud.acks()).toEqual([2, 3]);
  });

  test('stores a gap in its place', async () => {
    await using cloud = await setUp();
    const gap = { seq: 5, time, gap: { count: 5, reason: 'ttl' as const } };
    await cloud.relay({ ...batch([1]), lastSeq: 6, entries: [gap, { ...batch([6]).entries[0]! }] });
    expect((await cloud.stored()).map(({ seq, gap: found }) => [seq, found])).toEqual([
      [5, { count: 5, reason: 'ttl' }],
      [6, null],
    ]);
    expect(cloud.acks()).toEqual([6]);
  });

  test('takes nothing from a replaced certificate, and nothing of the epochs it opened', async () => {
    await using cloud = await setUp();
    await cloud.relay(batch([1]));
    await cloud.issue('02');
    await expect(cloud.relay(batch([2]))).rejects.toMatchObject({ code: 'revoked' });
    const renewed = { ...source, serial: '02' };
    await expect(cloud.relay(batch([2]), renewed)).rejects.toMatchObject({ code: 'revoked' });
    await cloud.relay({ ...batch([1]), epoch: 'ffffffffffffffff' }, renewed);
    expect(await cloud.stored()).toHaveLength(2);
  });

  test('refuses a batch that could not be read back: a byte order mark is no JSON', async () => {
    await using cloud = await setUp();
    const payload = await compress(`\ufeff${encodeRelayBatch(batch([1]))}`);
    const taken = cloud.ingest(source, { kind: 'relay' }, payload);
    await expect(taken).rejects.toMatchObject({ code: 'badRequest' });
    expect(await cloud.stored()).toEqual([]);
  });

  test('a batch that cannot be stored takes no other of its group with it', async () => {
    await using cloud = await setUp();
    await cloud.relay(batch([1]));
    const columns = JSON.parse(encodeRelayBatch(batch([1, 2]))) as { data: string[] };
    // Text of control characters takes six times as much in JSON.
    columns.data[1] = Buffer.alloc(2 ** 20).toString('base64');
    const grown = await compress(JSON.stringify({ ...columns, base64: [1] }));
    const taken = cloud.ingest(source, { kind: 'relay' }, grown);
    const other = cloud.relay({ ...batch([1]), stream: 'other' });
    await expect(taken).rejects.toMatchObject({ code: 'badRequest' });
    await other;
    expect((await cloud.stored()).map(({ stream, seq }) => [stream, seq])).toEqual([
      ['s', 1],
      ['other', 1],
    ]);
    expect(cloud.acks()).toEqual([1, 1]);
  });

  test('acknowledges nothing that it could not store', async () => {
    const cloud = await setUp();
    await cloud[Symbol.asyncDispose]();
    await expect(cloud.relay(batch([1]))).rejects.toBeDefined();
    expect(cloud.said).toEqual([]);
  });
});

describe('the ingest', () => {
  const online = { online: true, session: 2, boot: 'b', agent: '0.1.0' };
  const say = (body: unknown) => Buffer.from(JSON.stringify(body));

  test('lets the broker keep only what counts', async () => {
    await using cloud = await setUp();
    const tell = (body: unknown) => cloud.ingest(source, { kind: 'online' }, say(body));
    expect(await tell(online)).toEqual({ retain: true });
    expect(await tell({ ...online, online: false, session: 1 })).toEqual({ retain: false });
    expect(await tell({ ...online, online: false })).toEqual({ retain: true });
  });

  test('passes the status of a command on', async () => {
    await using cloud = await setUp();
    await cloud.ingest(source, { kind: 'commandStatus', id: '7' }, say({ status: 'running' }));
    expect(cloud.statuses).toEqual([['a', '7', { status: 'running' }]]);
  });

  test('takes the largest result a function may return', async () => {
    await using cloud = await setUp();
    const result = 'x'.repeat(2 ** 20 - 2);
    await cloud.ingest(source, { kind: 'commandStatus', id: '7' }, say({ status: 'succeeded', result }));
    expect(cloud.statuses).toEqual([['a', '7', { status: 'succeeded', result }]]);
  });

  test.each([
    ['no JSON', Buffer.from('{')],
    ['no UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['another shape', say({ ...online, more: 1 })],
    ['too much', Buffer.alloc(4096, 0x20)],
  ])('refuses %s', async (_, payload) => {
    await using cloud = await setUp();
    const refused = cloud.ingest(source, { kind: 'online' }, payload);
    await expect(refused).rejects.toMatchObject({ code: 'badRequest' });
  });

  test('takes the messages of one device in their order and lets no device wait for another', async () => {
    const order: string[] = [];
    const gates = new Map<string, () => void>();
    const slow = inOrder(async ({ device }, _, payload) => {
      const name = `${device}${payload.toString()}`;
      await new Promise<void>((resolve) => gates.set(name, resolve));
      order.push(name);
      return { retain: false };
    });
    const ask = (device: string, text: string) =>
      slow({ ...source, device }, { kind: 'reported' }, Buffer.from(text));
    const all = [ask('a', '1'), ask('a', '2'), ask('b', '1')];
    const open = async (name: string) => {
      while (!gates.has(name)) await new Promise((resolve) => setImmediate(resolve));
      gates.get(name)?.();
    };
    await open('b1');
    expect(gates.has('a2')).toBe(false);
    await open('a1');
    await open('a2');
    await Promise.all(all);
    expect(order).toEqual(['b1', 'a1', 'a2']);
  });
});

import { expect, test } from '@jest/globals';
import mqtt, { type IPublishPacket } from 'mqtt-packet';
import { silentLogger } from '../../../lib/logger.ts';
import { checkRelayColumns, encodeRelayBatch, type RelayEntry } from '../../protocol/relay-batch.ts';
import { Republisher, type RepublishedSegment, type SubscriberLink } from './republisher.ts';

const source = { tenant: 'default', device: 'a' };

function segment(
  id: number,
  entries: readonly Partial<RelayEntry & { topic: string; payload: Uint8Array }>[],
) {
  const full = entries.map((entry, index) => ({
    ...{ seq: index + 1, time: 0, gap: undefined, topic: 'x', payload: Buffer.from(`${id}`) },
    ...{ contentType: undefined, ...entry },
  })) as RelayEntry[];
  const json = encodeRelayBatch({ epoch: '0123456789abcdef', stream: 's', firstSeq: 1, entries: full });
  const checked = checkRelayColumns(JSON.parse(json));
  if (typeof checked === 'string') throw new Error(checked);
  return { id, source, columns: checked.columns } satisfies RepublishedSegment;
}

/** A subscriber that takes `room` writes before it wants to be waited for. */
class FakeLink implements SubscriberLink {
  readonly name = 'operator';
  readonly packets: IPublishPacket[] = [];
  isClosed = false;
  room = Number.POSITIVE_INFINITY;
  #id = 1;
  #drained = Promise.withResolvers<undefined>();

  nextId(): number {
    return this.#id++;
  }

  write(bytes: Uint8Array): boolean {
    const parser = mqtt.parser();
    parser.on('packet', (packet) => this.packets.push(packet as IPublishPacket));
    parser.parse(Buffer.from(bytes));
    this.room -= 1;
    return this.room > 0;
  }

  async drained(): Promise<void> {
    await this.#drained.promise;
  }

  drain(room: number): void {
    this.room = room;
    this.#drained.resolve(undefined);
    this.#drained = Promise.withResolvers();
  }

  close(): void {
    this.isClosed = true;
  }

  get heard(): string[] {
    return this.packets.map(({ payload }) => payload.toString());
  }
}

function setUp({ stallMs }: { stallMs?: number } = {}) {
  const stored: RepublishedSegment[] = [];
  const reads: number[] = [];
  const republisher = new Republisher({
    logger: silentLogger,
    newestId: 0,
    readNext: (id) => {
      reads.push(id);
      return Promise.resolve(stored.find((candidate) => candidate.id > id));
    },
    ...(stallMs !== undefined && { stallMs }),
  });
  const link = new FakeLink();
  const store = (...segments: RepublishedSegment[]) => {
    stored.push(...segments);
    republisher.offer(segments);
  };
  return { republisher, link, stored, store, reads };
}

const settled = async () => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
};

test('messages come as packets that an MQTT client reads, in order, gaps left out', async () => {
  const { republisher, link, store } = setUp();
  republisher.subscribe(link, link, 't/default/+/#', 1);
  const long = Buffer.alloc(20_000, 0xff);
  store(
    segment(1, [
      { topic: 'ä/1', payload: Buffer.from('grün') },
      { gap: { count: 1, reason: 'ttl' } },
      { topic: 'b', payload: long },
      { topic: 'not/+/publishable' },
      { topic: 'c', payload: Buffer.alloc(0) },
    ]),
  );
  await settled();
  expect(link.packets.map(({ topic, qos, messageId }) => [topic, qos, messageId])).toEqual([
    ['t/default/a/ä/1', 1, 1],
    ['t/default/a/b', 1, 2],
    ['t/default/a/c', 1, 3],
  ]);
  expect(link.packets.map(({ payload }) => Buffer.from(payload))).toEqual([
    Buffer.from('grün'),
    long,
    Buffer.alloc(0),
  ]);
});

test('what a device wrongly calls base64 or text breaks out of no packet', async () => {
  const { republisher, link, store } = setUp();
  republisher.subscribe(link, link, 't/#', 0);
  const { columns } = segment(1, Array(5).fill({}));
  const data = ['A!!!!!!!!!!!', '====', '\ud800x', 'QUJD\nREVG', 'last'];
  store({ id: 1, source, columns: { ...columns, data, base64: [0, 1, 3] } });
  await settled();
  expect(link.heard).toEqual(['', '', '\ufffdx', 'ABCDEF', 'last']);
});

test('a message comes once, at the highest QoS of the filters that match, and none after unsubscribing', async () => {
  const { republisher, link, store } = setUp();
  republisher.subscribe(link, link, 't/#', 0);
  republisher.subscribe(link, link, 't/default/a/x', 1);
  store(segment(1, [{ topic: 'x' }, { topic: 'y' }]));
  await settled();
  expect(link.packets.map(({ topic, qos }) => [topic, qos])).toEqual([
    ['t/default/a/x', 1],
    ['t/default/a/y', 0],
  ]);
  republisher.unsubscribe(link, 't/#');
  republisher.unsubscribe(link, 't/default/a/x');
  store(segment(2, [{ topic: 'x' }]));
  await settled();
  expect(link.packets).toHaveLength(2);
});

test('what was stored before a subscription is not sent', async () => {
  const { republisher, link, store } = setUp();
  store(segment(1, [{}]));
  republisher.subscribe(link, link, 't/#', 1);
  store(segment(2, [{}]));
  await settled();
  expect(link.heard).toEqual(['2']);
});

test('a subscriber that takes no more gets the rest later, in order, and storing does not wait for it', async () => {
  const { republisher, link, store } = setUp();
  republisher.subscribe(link, link, 't/#', 1);
  link.room = 1;
  for (let id = 1; id <= 50; id++) store(segment(id, [{}]));
  await settled();
  expect(link.heard).toEqual(['1']);
  link.drain(Number.POSITIVE_INFINITY);
  await settled();
  expect(link.heard).toEqual(Array.from({ length: 50 }, (_, index) => `${index + 1}`));
});

test('what no longer fits into memory is read from the database', async () => {
  const { republisher, link, store, reads } = setUp();
  republisher.subscribe(link, link, 't/#', 1);
  link.room = 1;
  const large = Buffer.alloc(2 ** 20, 'x');
  for (let id = 1; id <= 40; id++) store(segment(id, [{ payload: large }]));
  await settled();
  link.drain(Number.POSITIVE_INFINITY);
  while (link.packets.length < 40) await settled();
  expect(reads.length).toBeGreaterThan(10);
  expect(reads.length).toBeLessThan(39);
});

test('a subscriber that does not acknowledge is sent only so much, and goes on when it does', async () => {
  const { republisher, link, store } = setUp();
  republisher.subscribe(link, link, 't/#', 1);
  const many = Array.from({ length: 4096 }, () => ({}));
  for (let id = 1; id <= 10; id++) store(segment(id, many));
  await settled();
  expect(link.packets).toHaveLength(16_384);
  for (const _ of Array(8193)) republisher.acknowledge(link);
  await settled();
  expect(link.packets.length).toBeGreaterThan(16_384);
});

test('a subscriber that acknowledges slowly is waited for, as long as it does', async () => {
  const { republisher, link, store } = setUp({ stallMs: 800 });
  republisher.subscribe(link, link, 't/#', 1);
  const many = Array.from({ length: 4096 }, () => ({}));
  store(...[1, 2, 3, 4, 5, 6].map((id) => segment(id, many)));
  await settled();
  for (let n = 0; n < 6; n++) {
    await new Promise((resolve) => setTimeout(resolve, 150));
    republisher.acknowledge(link);
  }
  expect(link.isClosed).toBe(false);
  while (!link.isClosed) await new Promise((resolve) => setTimeout(resolve, 50));
});

test('long topics count too where memory is bounded', async () => {
  const { republisher, link, store, reads } = setUp();
  republisher.subscribe(link, link, 't/#', 1);
  link.room = 1;
  const topics = Array.from({ length: 1000 }, (_, index) => ({ topic: `${index}${'x'.repeat(1000)}` }));
  for (let id = 1; id <= 40; id++) store(segment(id, topics));
  await settled();
  link.drain(Number.POSITIVE_INFINITY);
  while (link.packets.length < 16_000) await settled();
  expect(reads.length).toBeGreaterThan(0);
});

test('a subscriber that retention overtakes is disconnected', async () => {
  const { republisher, link, stored, store } = setUp();
  republisher.subscribe(link, link, 't/#', 1);
  link.room = 1;
  const large = Buffer.alloc(2 ** 20, 'x');
  for (let id = 1; id <= 40; id++) store(segment(id, [{ payload: large }]));
  stored.splice(0, 10);
  link.drain(Number.POSITIVE_INFINITY);
  await settled();
  expect(link.isClosed).toBe(true);
  expect(link.packets).toHaveLength(1);
});

test('a subscriber that takes nothing for too long is disconnected', async () => {
  const { republisher, link, store } = setUp({ stallMs: 5 });
  republisher.subscribe(link, link, 't/#', 1);
  link.room = 1;
  store(segment(1, [{}]), segment(2, [{}]));
  while (!link.isClosed) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(link.heard).toEqual(['1']);
});

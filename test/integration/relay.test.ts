import { expect, test } from '@jest/globals';
import { relayBatchMaxEntries, type RelayEntry } from '../../cloud-sync/protocol/relay-batch.ts';
import {
  FakeCloud,
  connectTo,
  eventually,
  openDevice,
  temporaryFolder,
  text,
} from '../support/data-plane.ts';

const numbers = (rows: readonly RelayEntry[]): string[] =>
  rows.map((row) => (row.gap ? `gap ${row.gap.reason} ${row.gap.count}` : text(row.payload)));
const upTo = (count: number): string[] => Array.from({ length: count }, (_, index) => String(index + 1));

const telemetry = { telemetry: { topics: ['site/#'], relay: {} } };

async function publish(
  port: number,
  { from = 1, to, topic = 'site/n' }: { from?: number; to: number; topic?: string },
) {
  await using sensor = await connectTo(port);
  const payloads = Array.from({ length: to - from + 1 }, (_, index) => String(from + index));
  await Promise.all(payloads.map((payload) => sensor.client.publishAsync(topic, payload, { qos: 1 })));
}

test('[G5] a backlog goes up in order and once, however often the link breaks, acks and batches get lost', async () => {
  await using device = await openDevice({ streams: telemetry });
  const cloud = new FakeCloud();
  device.plane.attachUplink(cloud);
  const { port } = device.plane.mqtt;
  await publish(port, { to: 100 });
  await eventually(() => cloud.rows('telemetry').length === 100);

  cloud.connect(false);
  await publish(port, { from: 101, to: 1700 });
  cloud.loseAcks = true;
  cloud.connect(true);
  await eventually(() => cloud.rows('telemetry').length === 1700);
  cloud.connect(false);
  cloud.loseAcks = false;
  cloud.loseBatches = true;
  const before = cloud.batches.length;
  cloud.connect(true);
  await eventually(() => cloud.batches.length > before);
  cloud.connect(false);
  cloud.loseBatches = false;
  cloud.connect(true);
  await eventually(() => device.plane.status().streams.telemetry?.backlog === 0);
  expect(numbers(cloud.rows('telemetry'))).toEqual(upTo(1700));
  expect(Math.max(...cloud.batches.map(({ entries }) => entries.length))).toBeLessThanOrEqual(
    relayBatchMaxEntries,
  );
});

test('what the cloud has is freed when the stream keeps nothing, and kept when it does', async () => {
  await using device = await openDevice({
    streams: {
      passing: { topics: ['site/#'], relay: {} },
      kept: { topics: ['site/#'], relay: {}, keep: { bytes: '1MiB' } },
    },
  });
  const cloud = new FakeCloud();
  await publish(device.plane.mqtt.port, { to: 10 });
  device.plane.attachUplink(cloud);
  await eventually(() => Object.values(device.plane.status().streams).every(({ backlog }) => backlog === 0));
  expect(device.plane.status().streams.passing?.bytes).toBe(0);
  expect(device.plane.status().streams.kept?.bytes).toBeGreaterThan(0);
});

test('the relay goes on from its cursor after a restart', async () => {
  await using folder = await temporaryFolder();
  const cloud = new FakeCloud();
  {
    await using device = await openDevice({ streams: telemetry }, { root: folder.path });
    device.plane.attachUplink(cloud);
    await publish(device.plane.mqtt.port, { to: 10 });
    await eventually(() => device.plane.status().streams.telemetry?.backlog === 0);
    cloud.connect(false);
    await publish(device.plane.mqtt.port, { from: 11, to: 20 });
  }
  cloud.connect(true);
  const before = cloud.batches.length;
  await using device = await openDevice({ streams: telemetry }, { root: folder.path });
  device.plane.attachUplink(cloud);
  await eventually(() => device.plane.status().streams.telemetry?.backlog === 0);
  expect(numbers(cloud.rows('telemetry'))).toEqual(upTo(20));
  expect(cloud.batches[before]?.firstSeq).toBe(11);
});

test('[G5] a device with a new identity relays what is left in a new epoch, numbered from 1', async () => {
  await using folder = await temporaryFolder();
  const kept = { telemetry: { topics: ['site/#'], relay: {}, keep: { bytes: '1MiB' } } };
  const epochs: string[] = [];
  for (const [index, identity] of ['first', 'second', 'third'].entries()) {
    const cloud = new FakeCloud();
    await using device = await openDevice({ streams: kept }, { root: folder.path, identity });
    const { port } = device.plane.mqtt;
    const backlog = (): number | undefined => device.plane.status().streams.telemetry?.backlog;
    device.plane.attachUplink(cloud);
    await publish(port, { from: 100 * index + 1, to: 100 * index + 5 });
    await eventually(() => backlog() === 0);
    cloud.connect(false);
    await publish(port, { from: 100 * index + 6, to: 100 * index + 8 });
    expect(backlog()).toBe(3);
    const left = index === 0 ? [] : [6, 7, 8].map((n) => String(100 * (index - 1) + n));
    const fresh = [1, 2, 3, 4, 5].map((n) => String(100 * index + n));
    expect(numbers(cloud.rows('telemetry'))).toEqual([...left, ...fresh]);
    expect(cloud.rows('telemetry')[0]?.seq).toBe(1);
    epochs.push(...new Set(cloud.batches.map(({ epoch }) => epoch)));
  }
  expect(new Set(epochs).size).toBe(3);
  expect(epochs).toHaveLength(3);
});

test('[G5] messages that no longer fit leave a gap that says how many', async () => {
  await using device = await openDevice({
    streams: { telemetry: { topics: ['site/#'], relay: {}, keep: { bytes: '10KiB' } } },
  });
  await publish(device.plane.mqtt.port, { to: 1000 });
  const cloud = new FakeCloud();
  device.plane.attachUplink(cloud);
  await eventually(() => device.plane.status().streams.telemetry?.backlog === 0);
  const [first, ...rest] = cloud.rows('telemetry');
  if (!first?.gap) throw new Error('no gap');
  expect(first.gap).toEqual({ count: first.seq, reason: 'bytes' });
  expect(first.seq).toBeGreaterThan(500);
  expect(numbers(rest)).toEqual(upTo(1000).slice(first.seq));
});

test('[G5] messages that waited longer than their ttl travel as one gap', async () => {
  await using device = await openDevice({
    streams: { telemetry: { topics: ['site/#'], relay: { ttl: '200ms' } } },
  });
  const { port } = device.plane.mqtt;
  await publish(port, { to: 700 });
  const published = Date.now();
  await eventually(() => Date.now() > published + 250);
  const cloud = new FakeCloud();
  device.plane.attachUplink(cloud);
  await eventually(() => device.plane.status().streams.telemetry?.backlog === 0);
  expect(numbers(cloud.rows('telemetry'))).toEqual(['gap ttl 700']);
});

test('[G5] a cloud that lost its memory gets everything that is still here, and a gap for the rest', async () => {
  await using device = await openDevice({ streams: telemetry });
  const cloud = new FakeCloud();
  device.plane.attachUplink(cloud);
  await publish(device.plane.mqtt.port, { to: 10 });
  await eventually(() => device.plane.status().streams.telemetry?.backlog === 0);
  cloud.stored.clear();
  await publish(device.plane.mqtt.port, { from: 11, to: 12 });
  await eventually(() => cloud.rows('telemetry').at(-1)?.seq === 12);
  expect(numbers(cloud.rows('telemetry'))).toEqual(['gap disk 10', '11', '12']);
});

test('[G5] a disk older than what the cloud has goes on in a new epoch, as number 1', async () => {
  await using device = await openDevice({ streams: telemetry });
  const cloud = new FakeCloud();
  const { epoch } = device.plane.status();
  cloud.rows('telemetry').push({ seq: 50, time: 0, gap: { count: 50, reason: 'disk' } });
  await publish(device.plane.mqtt.port, { to: 3 });
  device.plane.attachUplink(cloud);
  await eventually(() => device.plane.status().epoch !== epoch);
  await eventually(() => device.plane.status().streams.telemetry?.backlog === 0);
  expect(numbers(cloud.rows('telemetry'))).toEqual(['1', '2', '3']);
  expect(cloud.batches.at(-1)).toMatchObject({ epoch: device.plane.status().epoch, firstSeq: 1 });
});

test('[G5] a disk that is found to be older before anything went up loses nothing, also where it has overtaken the cloud', async () => {
  await using device = await openDevice({ streams: telemetry });
  const cloud = new FakeCloud();
  const { epoch } = device.plane.status();
  cloud.rows('telemetry').push({ seq: 2, time: 0, gap: { count: 2, reason: 'disk' } });
  await publish(device.plane.mqtt.port, { to: 5 });
  cloud.connected = false;
  device.plane.attachUplink(cloud);
  const acted = cloud.findOlder();
  cloud.connect(true);
  await acted;
  await eventually(() => device.plane.status().streams.telemetry?.backlog === 0);
  expect(cloud.batches.flatMap(({ entries }) => numbers(entries))).toEqual(['1', '2', '3', '4', '5']);
  expect(cloud.batches.map((batch) => batch.epoch)).not.toContain(epoch);
});

test('an ack of another epoch or beyond what was sent moves nothing', async () => {
  await using device = await openDevice({ streams: telemetry });
  const cloud = new FakeCloud();
  cloud.connected = false;
  device.plane.attachUplink(cloud);
  await publish(device.plane.mqtt.port, { to: 5 });
  cloud.acknowledge({ epoch: '0'.repeat(16), stream: 'telemetry', seq: 5 });
  cloud.acknowledge({ epoch: device.plane.status().epoch, stream: 'telemetry', seq: 99 });
  expect(device.plane.status().streams.telemetry).toMatchObject({ lastSeq: 5, ackedSeq: 0, backlog: 5 });
});

test('a stream that is out of budget waits while others go on', async () => {
  await using device = await openDevice({
    streams: {
      chatty: { topics: ['site/chatty'], relay: { priority: 0, budget: '1B/day' } },
      calm: { topics: ['site/calm'], relay: { priority: 9 } },
    },
  });
  const cloud = new FakeCloud();
  device.plane.attachUplink(cloud);
  const { port } = device.plane.mqtt;
  // A whole day's budget is less than one message: that one goes, the next waits for tomorrow.
  await publish(port, { to: 1, topic: 'site/chatty' });
  await eventually(() => cloud.rows('chatty').length === 1);
  await publish(port, { from: 2, to: 2, topic: 'site/chatty' });
  await publish(port, { to: 3, topic: 'site/calm' });
  await eventually(() => cloud.rows('calm').length === 3);
  expect(numbers(cloud.rows('chatty'))).toEqual(['1']);
});

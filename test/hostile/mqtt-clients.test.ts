import { afterEach, expect, jest, test } from '@jest/globals';
import type { Packet } from 'mqtt-packet';
import { connectTo, eventually, openDevice } from '../support/data-plane.ts';
import { heapInUse } from '../support/heap-in-use.ts';
import { connectPacket, publishPacket, RawMqtt } from '../support/raw-mqtt.ts';

jest.setTimeout(120_000);

const anything = { publish: ['#'], subscribe: ['#'] };
const clients = { sensor: anything, display: anything };
const streams = { all: { topics: ['#'] } };

const open: RawMqtt[] = [];
afterEach(async () => {
  for (const raw of open.splice(0)) await raw[Symbol.asyncDispose]();
});

/** A client with a valid credential that says whatever it likes. */
async function client(port: number, options: object = {}): Promise<RawMqtt> {
  const raw = await RawMqtt.connect(port);
  open.push(raw);
  raw.send(connectPacket(options));
  expect((await raw.next('connack')).returnCode).toBe(0);
  return raw;
}

const subscribe = (filters: readonly string[], qos = 1): Packet =>
  ({ cmd: 'subscribe', messageId: 99, subscriptions: filters.map((topic) => ({ topic, qos })) }) as Packet;

/** A PUBLISH (QoS 1) with these bytes as its topic, as no library would make it. */
function publishOf(topic: Buffer): Buffer {
  const body = Buffer.concat([
    Buffer.from([topic.length >> 8, topic.length & 255]),
    topic,
    Buffer.from([0, 1, 0x78]),
  ]);
  const length: number[] = [];
  for (let rest = body.length; ; rest >>= 7) {
    length.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest <= 127) return Buffer.concat([Buffer.from([0x32, ...length]), body]);
  }
}

test.each([
  ['an empty topic', Buffer.alloc(0)],
  ['a wildcard', Buffer.from('in/+/a')],
  ['a wildcard at the end', Buffer.from('in/#')],
  ['a NUL character', Buffer.from('in/\0')],
  ['ill-formed UTF-8', Buffer.from([0x69, 0xc0, 0x80])],
  ['half a surrogate pair', Buffer.from([0x69, 0xed, 0xa0, 0x80])],
  ['a topic of the broker', Buffer.from('$SYS/broker/uptime')],
  ['33 levels', Buffer.from(Array(33).fill('a').join('/'))],
  ['1025 bytes', Buffer.alloc(1025, 'a')],
  ['65,535 bytes of levels', Buffer.alloc(65_535, '/')],
])('a message on %s ends the connection, is not acknowledged and reaches nobody', async (_what, topic) => {
  await using device = await openDevice({ clients, streams });
  const { port } = device.plane.mqtt;
  await using reader = await connectTo(port, { username: 'display' });
  await reader.client.subscribeAsync('#');
  let heard = 0;
  reader.client.on('message', () => heard++);
  const raw = await client(port);
  raw.stream.write(publishOf(topic));
  await raw.end();
  expect(raw.packets).toEqual([]);
  await reader.client.publishAsync('end', 'x', { qos: 1 });
  await eventually(() => heard > 0);
  expect([heard, device.plane.status().streams.all?.lastSeq]).toEqual([1, 1]);
});

test.each(['$SYS/#', '$SYS/+/heartbeat', '$session', 'a/#/b', 'a+', 'a/\0', 'a\uFFFD'])(
  'a subscription to %j is not granted, whatever the client may read',
  async (filter) => {
    await using device = await openDevice({ clients });
    const raw = await client(device.plane.mqtt.port);
    raw.send(subscribe([filter]));
    const answer = await raw.next('suback').catch(() => undefined);
    // Refused, or the connection ended: both are a no.
    expect(answer?.granted ?? [128]).toEqual([128]);
  },
);

test('a client has a thousand subscriptions; all further ones are refused, in one packet as in many', async () => {
  await using device = await openDevice({ clients });
  const raw = await client(device.plane.mqtt.port);
  const deep = Array(30).fill('+').join('/');
  raw.send(subscribe(Array.from({ length: 900 }, (_, n) => `${deep}/${n}`)));
  expect((await raw.next('suback')).granted.filter((code) => code === 128)).toEqual([]);
  raw.send(subscribe(Array.from({ length: 900 }, (_, n) => `in/${n}`)));
  const { granted } = await raw.next('suback');
  expect(granted.filter((code) => code !== 128)).toHaveLength(100);
  raw.send(subscribe(['one/more']));
  expect((await raw.next('suback')).granted).toEqual([128]);
  // Another one is served meanwhile: what matches costs by its levels.
  await using other = await connectTo(device.plane.mqtt.port, { username: 'display' });
  await other.client.publishAsync(`${Array(30).fill('a').join('/')}/7`, 'x', { qos: 1 });
  expect((await raw.next('publish')).payload.toString()).toBe('x');
});

test('who never releases its QoS 2 messages is let go after a thousand, over all its connections', async () => {
  await using device = await openDevice({ clients, streams });
  const { port } = device.plane.mqtt;
  let taken = 0;
  for (let round = 0; round < 3; round++) {
    const raw = await client(port, { clean: false });
    for (let n = 1; n <= 700; n++) {
      raw.send(publishPacket('in/a', 'x'.repeat(1000), { qos: 2, messageId: round * 700 + n }));
      const answer = await Promise.race([raw.next('pubrec'), raw.end()]).catch(() => undefined);
      if (!answer) break;
      taken++;
    }
    raw.stream.destroy();
    await raw.end();
  }
  expect(taken).toBe(1000);
  expect(device.plane.status().streams.all?.lastSeq).toBe(1000);
  // It releases one: there is room for one.
  const raw = await client(port, { clean: false });
  raw.send({ cmd: 'pubrel', messageId: 1, qos: 1 } as Packet);
  await raw.next('pubcomp');
  raw.send(publishPacket('in/a', 'x', { qos: 2, messageId: 60_000 }));
  await raw.next('pubrec');
});

test('a storm of takeovers leaves one connection, one session and nothing lost', async () => {
  await using device = await openDevice({ clients, streams });
  const { port } = device.plane.mqtt;
  const first = await client(port, { clientId: 'one', clean: false });
  first.send(subscribe(['in/#']));
  await first.next('suback');
  await using sensor = await connectTo(port, { username: 'display' });
  const storm: RawMqtt[] = [];
  for (let n = 0; n < 150; n++) {
    const raw = await RawMqtt.connect(port);
    open.push(raw);
    storm.push(raw);
    raw.send(connectPacket({ clientId: 'one', clean: false }));
    if (n % 10 === 0) await sensor.client.publishAsync('in/n', String(n), { qos: 1 });
  }
  await eventually(() => storm.filter(({ closed }) => !closed).length === 1);
  const last = storm.find(({ closed }) => !closed);
  const seen: string[] = [];
  while (last && seen.length < 15) {
    const packet = await last.next('publish');
    seen.push(packet.payload.toString());
    last.send({ cmd: 'puback', messageId: packet.messageId } as Packet);
  }
  expect(seen).toEqual(Array.from({ length: 15 }, (_, n) => String(n * 10)));
  await eventually(() => device.plane.status().clients === 2);
  expect(device.plane.status().sessions).toMatchObject([
    { client: 'sensor/one', connected: true, away: null },
  ]);
});

test('a session is taken over by its own credential only', async () => {
  await using device = await openDevice({ clients });
  const { port } = device.plane.mqtt;
  const owner = await client(port, { clientId: 'one', clean: false });
  owner.send(subscribe(['in/#']));
  await owner.next('suback');
  for (const wrong of [{ password: Buffer.from('wrong') }, { username: 'nobody' }, { username: '' }]) {
    const thief = await RawMqtt.connect(port);
    open.push(thief);
    thief.send(connectPacket({ clientId: 'one', clean: true, ...wrong }));
    await thief.end();
  }
  // The name is part of the id: this one has a session of its own.
  const other = await client(port, { clientId: 'one', clean: false, username: 'display' });
  await using sensor = await connectTo(port);
  await sensor.client.publishAsync('in/a', 'x', { qos: 1 });
  expect((await owner.next('publish')).payload.toString()).toBe('x');
  expect(other.packets).toEqual([]);
});

test('twenty thousand large messages for a client that is away keep to its caps, in memory as on disk', async () => {
  const session = { messages: 10_000, bytes: '1MiB' };
  await using device = await openDevice({ clients: { sensor: anything, display: { ...anything, session } } });
  const { port } = device.plane.mqtt;
  const display = await client(port, { username: 'display', clientId: 'd', clean: false });
  display.send(subscribe(['in/#']));
  await display.next('suback');
  display.stream.destroy();
  await eventually(() => device.plane.status().clients === 0);
  await using sensor = await connectTo(port);
  const before = await heapInUse();
  const payload = Buffer.alloc(10_000, 'x');
  for (let n = 0; n < 20_000; n += 200)
    await Promise.all(
      Array.from({ length: 200 }, () => sensor.client.publishAsync('in/a', payload, { qos: 1 })),
    );
  const [status] = device.plane.status().sessions;
  expect(status?.bytes).toBeLessThanOrEqual(2 ** 20);
  expect((status?.messages ?? 0) + (status?.dropped ?? 0)).toBe(20_000);
  // 200 MB came.
  expect((await heapInUse()) - before).toBeLessThan(16 * 2 ** 20);
});

test('retained messages do not grow past their bound by growing one by one', async () => {
  await using device = await openDevice({ clients });
  const { port } = device.plane.mqtt;
  await using sensor = await connectTo(port);
  const topics = Array.from({ length: 140 }, (_, n) => `in/${n}`);
  for (const topic of topics) await sensor.client.publishAsync(topic, 'x', { qos: 1, retain: true });
  const large = Buffer.alloc(500_000, 'x');
  const ended = new Promise((resolve) => sensor.client.once('close', () => resolve(undefined)));
  let grown = 0;
  const grow = async (): Promise<void> => {
    for (const topic of topics) {
      await sensor.client.publishAsync(topic, large, { qos: 1, retain: true });
      grown++;
    }
  };
  await Promise.race([grow().catch(() => undefined), ended]);
  // 64 MiB.
  expect(grown).toBe(134);
});

import { expect, jest, test } from '@jest/globals';
import type { Packet } from 'mqtt-packet';
import {
  bundlesOf,
  connectTo,
  eventually,
  machineWith,
  openDevice,
  temporaryFolder,
} from '../support/data-plane.ts';
import { connectPacket, publishPacket, RawMqtt } from '../support/raw-mqtt.ts';

jest.setTimeout(60_000);

const anything = { publish: ['#'], subscribe: ['#'] };
const clients = { sensor: anything, display: anything };

const subscribe = (topic: string, qos = 1): Packet =>
  ({ cmd: 'subscribe', messageId: 99, subscriptions: [{ topic, qos }] }) as Packet;
const ack = (cmd: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp', messageId = 1): Packet =>
  ({ cmd, messageId, qos: cmd === 'pubrel' ? 1 : 0 }) as Packet;
const textOf = (packet: { payload: string | Buffer }): string => packet.payload.toString();

/** Connects as `display` with a session; resolves with CONNACK's session-present flag too. */
async function display(port: number, options: object = {}): Promise<{ raw: RawMqtt; present: boolean }> {
  const raw = await RawMqtt.connect(port);
  raw.send(connectPacket({ username: 'display', clientId: 'd', clean: false, ...options }));
  const { sessionPresent, returnCode } = await raw.next('connack');
  expect(returnCode).toBe(0);
  return { raw, present: sessionPresent };
}

async function leave(raw: RawMqtt): Promise<void> {
  raw.send({ cmd: 'disconnect' });
  await raw.end();
}

test('a session keeps its subscriptions and messages over restarts of the agent, and gives them back in order', async () => {
  await using folder = await temporaryFolder();
  const root = folder.path;
  {
    await using device = await openDevice({ clients }, { root });
    const { raw, present } = await display(device.plane.mqtt.port);
    expect(present).toBe(false);
    raw.send(subscribe('in/#', 1));
    await raw.next('suback');
    await leave(raw);
    await using sensor = await connectTo(device.plane.mqtt.port);
    for (let n = 1; n <= 250; n++)
      await sensor.client.publishAsync('in/n', String(n), { qos: n % 2 ? 1 : 2 });
    await sensor.client.publishAsync('in/n', 'not kept', { qos: 0 });
  }
  await using device = await openDevice({ clients }, { root });
  const { raw, present } = await display(device.plane.mqtt.port);
  expect(present).toBe(true);
  for (let n = 1; n <= 250; n++) {
    const packet = await raw.next('publish');
    expect([textOf(packet), packet.qos, packet.dup, packet.retain]).toEqual([String(n), 1, false, false]);
    raw.send(ack('puback', packet.messageId));
  }
  await eventually(() => device.plane.status().sessions[0]?.messages === 0);
  // Subscribed still, without having asked again.
  await using sensor = await connectTo(device.plane.mqtt.port);
  await sensor.client.publishAsync('in/n', 'live', { qos: 1 });
  expect(textOf(await raw.next('publish'))).toBe('live');
});

test('a message without an acknowledgement is sent again, as a repetition and with its packet identifier', async () => {
  await using device = await openDevice({ clients });
  const { port } = device.plane.mqtt;
  const first = await display(port);
  first.raw.send(subscribe('in/#', 2));
  await first.raw.next('suback');
  await using sensor = await connectTo(port);
  await sensor.client.publishAsync('in/a', 'one', { qos: 1 });
  await sensor.client.publishAsync('in/a', 'two', { qos: 2 });
  const sent = [await first.raw.next('publish'), await first.raw.next('publish')];
  expect(sent.map(textOf)).toEqual(['one', 'two']);
  first.raw.stream.destroy();
  await first.raw.end();
  const second = await display(port);
  const again = [await second.raw.next('publish'), await second.raw.next('publish')];
  expect(again.map(({ messageId, dup, qos }) => ({ messageId, dup, qos }))).toEqual(
    sent.map(({ messageId, qos }) => ({ messageId, dup: true, qos })),
  );
  await second.raw[Symbol.asyncDispose]();
});

test('QoS 2 to a session: what was received is released after a restart, and not sent again', async () => {
  await using folder = await temporaryFolder();
  const root = folder.path;
  let id: number | undefined;
  {
    await using device = await openDevice({ clients }, { root });
    const { raw } = await display(device.plane.mqtt.port);
    raw.send(subscribe('in/#', 2));
    await raw.next('suback');
    await using sensor = await connectTo(device.plane.mqtt.port);
    await sensor.client.publishAsync('in/a', 'once', { qos: 2 });
    const packet = await raw.next('publish');
    id = packet.messageId;
    raw.send(ack('pubrec', id));
    expect((await raw.next('pubrel')).messageId).toBe(id);
    await raw[Symbol.asyncDispose]();
  }
  await using device = await openDevice({ clients }, { root });
  const { raw } = await display(device.plane.mqtt.port);
  expect((await raw.next('pubrel')).messageId).toBe(id);
  raw.send(ack('pubcomp', id));
  await eventually(() => device.plane.status().sessions[0]?.messages === 0);
  await using sensor = await connectTo(device.plane.mqtt.port);
  await sensor.client.publishAsync('in/a', 'next', { qos: 2 });
  expect(textOf(await raw.next('publish'))).toBe('next');
  await raw[Symbol.asyncDispose]();
});

test('QoS 2 from a session: a repetition after a restart is stored once, until it is released', async () => {
  await using folder = await temporaryFolder();
  const root = folder.path;
  const sections = { clients, streams: { all: { topics: ['in/#'] } } };
  {
    await using device = await openDevice(sections, { root });
    const { raw } = await display(device.plane.mqtt.port);
    raw.send(publishPacket('in/a', 'x', { qos: 2, messageId: 7 }));
    await raw.next('pubrec');
    await raw[Symbol.asyncDispose]();
  }
  await using device = await openDevice(sections, { root });
  const { raw } = await display(device.plane.mqtt.port);
  const repeated = publishPacket('in/a', 'x', { qos: 2, messageId: 7, dup: true });
  raw.send(repeated, repeated);
  await raw.next('pubrec');
  await raw.next('pubrec');
  expect(device.plane.status().streams.all?.lastSeq).toBe(1);
  raw.send(ack('pubrel', 7));
  await raw.next('pubcomp');
  raw.send(publishPacket('in/a', 'y', { qos: 2, messageId: 7 }));
  await raw.next('pubrec');
  expect(device.plane.status().streams.all?.lastSeq).toBe(2);
  await raw[Symbol.asyncDispose]();
});

test('a clean connection forgets the session of its client', async () => {
  await using device = await openDevice({ clients });
  const { port } = device.plane.mqtt;
  const first = await display(port);
  first.raw.send(subscribe('in/#'));
  await first.raw.next('suback');
  await leave(first.raw);
  const clean = await display(port, { clean: true });
  expect(clean.present).toBe(false);
  await leave(clean.raw);
  expect(device.plane.status().sessions).toEqual([]);
  const later = await display(port);
  expect(later.present).toBe(false);
  await later.raw[Symbol.asyncDispose]();
});

test('a session without subscriptions is present too, and one of another client is none of its business', async () => {
  await using device = await openDevice({ clients });
  const { port } = device.plane.mqtt;
  await leave((await display(port)).raw);
  const again = await display(port);
  expect(again.present).toBe(true);
  const other = await display(port, { username: 'sensor' });
  expect(other.present).toBe(false);
  await again.raw[Symbol.asyncDispose]();
  await other.raw[Symbol.asyncDispose]();
});

test('overlapping subscriptions of a session deliver once, with the best QoS', async () => {
  await using device = await openDevice({ clients });
  const { port } = device.plane.mqtt;
  const { raw } = await display(port);
  raw.send(subscribe('in/#', 0), subscribe('in/+', 1), subscribe('+/a', 2));
  for (let n = 0; n < 3; n++) await raw.next('suback');
  await using sensor = await connectTo(port);
  await sensor.client.publishAsync('in/a', 'x', { qos: 2 });
  const packet = await raw.next('publish');
  expect(packet.qos).toBe(2);
  await sensor.client.publishAsync('end', 'x', { qos: 1 });
  raw.send({ cmd: 'pingreq' });
  await raw.next('pingresp');
  expect(raw.packets).toEqual([]);
  await raw[Symbol.asyncDispose]();
});

test('what functions publish, and retained messages, wait in a session like all others', async () => {
  const handlers = {
    echo: async (event: { kind: string }, effects: { publish(message: object): unknown }) => {
      await effects.publish({ topic: 'out/x', payload: Buffer.from(event.kind), qos: 1, retain: false });
    },
  };
  const functions = { echo: { on: [{ mqtt: 'in/#' }] } };
  await using device = await openDevice({ clients, functions }, { handlers: handlers });
  const { port } = device.plane.mqtt;
  await using sensor = await connectTo(port);
  await sensor.client.publishAsync('state', 'on', { qos: 1, retain: true });
  const first = await display(port);
  first.raw.send(subscribe('#', 1));
  await first.raw.next('suback');
  const retained = await first.raw.next('publish');
  expect([textOf(retained), retained.retain, retained.qos]).toEqual(['on', true, 1]);
  first.raw.stream.destroy();
  await first.raw.end();
  await sensor.client.publishAsync('in/a', 'x', { qos: 1 });
  await eventually(() => device.plane.status().sessions[0]?.messages === 3);
  const second = await display(port);
  const again = await second.raw.next('publish');
  expect([textOf(again), again.retain, again.dup, again.messageId]).toEqual([
    'on',
    true,
    true,
    retained.messageId,
  ]);
  expect(textOf(await second.raw.next('publish'))).toBe('x');
  expect(textOf(await second.raw.next('publish'))).toBe('message');
  await second.raw[Symbol.asyncDispose]();
});

test('caps keep the newest messages and count what had to go; time ends a session', async () => {
  let nowMs = Date.parse('2026-01-01');
  const session = { expiry: '1h', messages: 5 };
  const capped = { clients: { sensor: anything, display: { ...anything, session } } };
  await using device = await openDevice(capped, { now: () => new Date(nowMs) });
  const { port } = device.plane.mqtt;
  const first = await display(port);
  first.raw.send(subscribe('in/#'));
  await first.raw.next('suback');
  await leave(first.raw);
  await using sensor = await connectTo(port);
  for (let n = 1; n <= 12; n++) await sensor.client.publishAsync('in/n', String(n), { qos: 1 });
  expect(device.plane.status().sessions[0]).toMatchObject({ messages: 5, dropped: 7, connected: false });
  const second = await display(port);
  const seen: string[] = [];
  for (let n = 0; n < 5; n++) seen.push(textOf(await second.raw.next('publish')));
  expect(seen).toEqual(['8', '9', '10', '11', '12']);
  await leave(second.raw);
  await eventually(() => device.plane.status().sessions[0]?.away !== null);
  nowMs += 3_600_001;
  const third = await display(port);
  expect(third.present).toBe(false);
  await third.raw[Symbol.asyncDispose]();
});

test('a client that leaves the manifest loses its sessions, and one that may read less loses those subscriptions', async () => {
  await using device = await openDevice({ clients });
  const { port } = device.plane.mqtt;
  for (const username of ['display', 'sensor']) {
    const { raw } = await display(port, { username });
    raw.send(subscribe('in/#'), subscribe('other'));
    await raw.next('suback');
    await raw.next('suback');
    await leave(raw);
  }
  const machine = await machineWith({ clients: { sensor: { ...anything, subscribe: ['other'] } } });
  await device.plane.configure(machine, bundlesOf(machine));
  expect(device.plane.status().sessions.map(({ client }) => client)).toEqual(['sensor/d']);
  await using sensor = await connectTo(port);
  await sensor.client.publishAsync('in/a', 'not any more', { qos: 1 });
  await sensor.client.publishAsync('other', 'still', { qos: 1 });
  const { raw, present } = await display(port, { username: 'sensor' });
  expect(present).toBe(true);
  expect(textOf(await raw.next('publish'))).toBe('still');
  await raw[Symbol.asyncDispose]();
});

test('a second connection takes the session of the first over, without losing what is under way', async () => {
  await using device = await openDevice({ clients });
  const { port } = device.plane.mqtt;
  const first = await display(port, {
    will: { topic: 'gone', payload: Buffer.from('1'), qos: 1, retain: false },
  });
  first.raw.send(subscribe('#'));
  await first.raw.next('suback');
  await using sensor = await connectTo(port);
  await sensor.client.publishAsync('in/a', 'x', { qos: 1 });
  const sent = await first.raw.next('publish');
  const second = await display(port);
  await first.raw.end();
  expect(second.present).toBe(true);
  const again = await second.raw.next('publish');
  expect([textOf(again), again.messageId]).toEqual(['x', sent.messageId]);
  expect((await second.raw.next('publish')).topic).toBe('gone');
  await eventually(() => device.plane.status().sessions[0]?.away === null);
  expect(device.plane.status().sessions[0]?.connected).toBe(true);
  await second.raw[Symbol.asyncDispose]();
});

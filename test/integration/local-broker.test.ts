import { createConnection, createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import type { MqttClient } from 'mqtt';
import { describe, expect, test } from '@jest/globals';
import { LocalBroker } from '../../agent/broker/local-broker.ts';
import { DataPlane } from '../../agent/data-plane.ts';
import { LocalStore } from '../../agent/streams/local-store.ts';
import { silentLogger } from '../../lib/logger.ts';
import {
  FakeRuntime,
  connectTo,
  eventually,
  machineWith,
  bundlesOf,
  openDevice,
  temporaryFolder,
} from '../support/data-plane.ts';

const clients = {
  sensor: { publish: ['in/#'], subscribe: ['out/+'] },
  display: { publish: [], subscribe: ['#'] },
};

function closing(client: MqttClient): Promise<unknown> {
  return new Promise((resolve) => client.once('close', () => resolve(undefined)));
}

function nextPacket(client: MqttClient): Promise<unknown> {
  return new Promise((resolve) => client.once('packetreceive', resolve));
}

async function rawConnection(port: number): Promise<Socket & Disposable> {
  const socket = createConnection({ host: '127.0.0.1', port });
  await once(socket, 'connect');
  socket.on('error', () => undefined);
  socket.resume();
  return Object.assign(socket, { [Symbol.dispose]: () => void socket.destroy() });
}

/** A CONNECT with this many bytes of client id. */
function connectPacket(idBytes: number): Buffer {
  const id = Buffer.alloc(idBytes, 'a');
  const body = Buffer.concat([
    Buffer.from('\0\x04MQTT\x04\x02\0\x3c'),
    Buffer.from([idBytes >> 8, idBytes & 255]),
    id,
  ]);
  const length: number[] = [];
  for (let rest = body.length; ; rest >>= 7) {
    length.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest <= 127) break;
  }
  return Buffer.concat([Buffer.from([0x10, ...length]), body]);
}

describe('the local broker refuses', () => {
  test.each([
    ['a wrong password', { password: 'wrong' }],
    ['an unknown client', { username: 'nobody' }],
    ['a name that objects have', { username: '__proto__' }],
    ['no credential at all', { username: undefined, password: undefined }],
    ['a client id with a wildcard', { clientId: 'a/#' }],
    ['a client id that is a path', { clientId: '../x' }],
    [
      'a last will that the client may not publish',
      { will: { topic: 'out/x', payload: Buffer.from('x'), qos: 1, retain: false } as const },
    ],
    [
      'a last will on a topic of the broker',
      { will: { topic: '$SYS/x', payload: Buffer.from('x'), qos: 0, retain: false } as const },
    ],
  ])('%s', async (_what, options) => {
    await using device = await openDevice({ clients });
    await expect(connectTo(device.plane.mqtt.port, options as object)).rejects.toThrow();
    expect(device.plane.status().clients).toBe(0);
  });

  test('a subscription that is wider than the grant', async () => {
    await using device = await openDevice({ clients });
    await using sensor = await connectTo(device.plane.mqtt.port);
    for (const filter of ['#', 'out/#', 'in/a', '$SYS/#', '+/+'])
      await expect(sensor.client.subscribeAsync(filter)).rejects.toThrow();
    expect(await sensor.client.subscribeAsync('out/a')).toHaveLength(1);
  });

  test('a message on a topic that was not granted, by ending the connection', async () => {
    await using device = await openDevice({ clients, streams: { all: { topics: ['#'] } } });
    await using sensor = await connectTo(device.plane.mqtt.port);
    const closed = closing(sensor.client);
    sensor.client.publish('out/a', 'x', { qos: 0 });
    await closed;
    expect(device.plane.status().streams.all?.lastSeq).toBe(0);
  });

  test('a payload beyond the limit, before it is read', async () => {
    await using device = await openDevice({ clients, streams: { all: { topics: ['#'] } } });
    await using sensor = await connectTo(device.plane.mqtt.port);
    const closed = closing(sensor.client);
    sensor.client.publish('in/a', Buffer.alloc(2 ** 20), { qos: 0 });
    await closed;
    expect(device.plane.status().streams.all?.lastSeq).toBe(0);
  });

  test.each([
    ['a CONNECT beyond the limit', connectPacket(60_000).subarray(0, 20)],
    ['something that is not MQTT', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['a packet length without end', Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff, 0xff])],
  ])('%s', async (what, bytes) => {
    await using device = await openDevice({ clients });
    using socket = await rawConnection(device.plane.mqtt.port);
    const closed = once(socket, 'close');
    socket.write(what.startsWith('a CONNECT') ? Buffer.from([0x10, 0xff, 0xff, 0x7f]) : bytes);
    await closed;
  });
});

test('two credentials may use the same client id, and neither takes the session of the other', async () => {
  await using device = await openDevice({ clients });
  await using sensor = await connectTo(device.plane.mqtt.port, { clientId: 'one' });
  await using display = await connectTo(device.plane.mqtt.port, { clientId: 'one', username: 'display' });
  await eventually(() => device.plane.status().clients === 2);
  expect([sensor.client.connected, display.client.connected]).toEqual([true, true]);
});

test('what a client sends before it is known waits outside of the broker', async () => {
  await using device = await openDevice({ clients, streams: { all: { topics: ['#'] } } });
  using socket = await rawConnection(device.plane.mqtt.port);
  // An anonymous CONNECT with ten thousand small publishes right behind it.
  const publish = Buffer.from([0x30, 0x06, 0x00, 0x04, ...Buffer.from('in/a')]);
  const closed = once(socket, 'close');
  socket.write(Buffer.concat([connectPacket(3), ...Array.from({ length: 10_000 }, () => publish)]));
  await closed;
  expect(device.plane.status().streams.all?.lastSeq).toBe(0);
});

test('a last will is stored like any message', async () => {
  await using device = await openDevice({ clients, streams: { all: { topics: ['in/#'] } } });
  const will = { topic: 'in/gone', payload: Buffer.from('x'), qos: 1, retain: false } as const;
  await using sensor = await connectTo(device.plane.mqtt.port, { will });
  sensor.client.stream.destroy();
  await eventually(() => device.plane.status().streams.all?.lastSeq === 1);
});

test('a QoS 2 message that is repeated before its release is stored once', async () => {
  await using device = await openDevice({ clients, streams: { all: { topics: ['in/#'] } } });
  await using sensor = await connectTo(device.plane.mqtt.port);
  await sensor.client.publishAsync('in/a', 'x', { qos: 2 });
  const received = nextPacket(sensor.client);
  const packet = Buffer.from([0x34, 0x09, 0x00, 0x04, ...Buffer.from('in/b'), 0x03, 0xe8, 0x78]);
  sensor.client.stream.write(packet);
  await received;
  packet[0] = 0x3c; // DUP
  const again = nextPacket(sensor.client);
  sensor.client.stream.write(packet);
  await again;
  expect(device.plane.status().streams.all?.lastSeq).toBe(2);
});

test('a client whose entry changes is disconnected, others stay', async () => {
  await using device = await openDevice({ clients });
  await using sensor = await connectTo(device.plane.mqtt.port);
  await using display = await connectTo(device.plane.mqtt.port, { username: 'display' });
  const closed = closing(sensor.client);
  const machine = await machineWith({
    clients: { ...clients, sensor: { publish: ['other'], subscribe: [] } },
  });
  await device.plane.configure(machine, bundlesOf(machine));
  await closed;
  expect(display.client.connected).toBe(true);
});

test('retained messages, the port and the queue of a device outlive a restart', async () => {
  await using folder = await temporaryFolder();
  const root = folder.path;
  const sections = { streams: { all: { topics: ['in/#'] } } };
  let port: number;
  {
    await using device = await openDevice(sections, { root });
    port = device.plane.mqtt.port;
    await using sensor = await connectTo(port);
    await sensor.client.publishAsync('in/state', 'on', { qos: 1, retain: true });
    await sensor.client.publishAsync('in/other', 'x', { qos: 1, retain: true });
    await sensor.client.publishAsync('in/other', '', { qos: 1, retain: true });
  }
  await using device = await openDevice(sections, { root });
  expect(device.plane.mqtt.port).toBe(port);
  expect(device.plane.status().streams.all?.lastSeq).toBe(3);
  await using sensor = await connectTo(port);
  const message = new Promise<string>((resolve) => {
    sensor.client.once('message', (topic, payload) => resolve(`${topic} ${payload.toString()}`));
  });
  await sensor.client.subscribeAsync('in/#');
  expect(await message).toBe('in/state on');
});

test('a fixed port that is taken is an error that says so; a remembered one gives way', async () => {
  await using folder = await temporaryFolder();
  const root = folder.path;
  let port: number;
  {
    await using device = await openDevice({}, { root });
    port = device.plane.mqtt.port;
  }
  const other = createServer().listen({ host: '127.0.0.1', port });
  await once(other, 'listening');
  try {
    const fixed = {
      root,
      runtime: new FakeRuntime(),
      logger: silentLogger,
      mqtt: { host: '127.0.0.1', port },
    };
    await expect(DataPlane.open(fixed)).rejects.toMatchObject({ code: 'portInUse' });
    const elsewhere = DataPlane.open({ ...fixed, mqtt: { host: '203.0.113.7', port: 0 } });
    await expect(elsewhere).rejects.toMatchObject({
      code: 'badInput',
      message: 'Cannot listen for MQTT on 203.0.113.7:0: this machine does not have that address',
    });
    await using device = await openDevice({}, { root });
    expect(device.plane.mqtt.port).not.toBe(port);
  } finally {
    other.close();
  }
});

test.each([
  ['removed', {}],
  ['given another password', { sensor: { password: 'scrypt:new', publish: [], subscribe: [] } }],
])('a client that is %s while its password is checked is not let in', async (_what, later) => {
  await using folder = await temporaryFolder();
  const checking = Promise.withResolvers<undefined>();
  const verdict = Promise.withResolvers<boolean>();
  await using store = await LocalStore.open({ root: folder.path, logger: silentLogger });
  await using broker = await LocalBroker.open({
    root: folder.path,
    host: '127.0.0.1',
    port: 0,
    verifyPassword: () => {
      checking.resolve(undefined);
      return verdict.promise;
    },
    accept: () => Promise.resolve(),
    store,
    now: () => new Date(),
    logger: silentLogger,
  });
  const sensor = { password: 'scrypt:old', publish: ['#'], subscribe: ['#'] } as const;
  const setClients = (clients: object) =>
    broker.setClients(clients as Parameters<typeof broker.setClients>[0]);
  await setClients({ sensor });
  const connection = connectTo(broker.port);
  connection.catch(() => undefined);
  await checking.promise;
  await setClients(later);
  verdict.resolve(true);
  await expect(connection).rejects.toMatchObject({ code: 5 });
  expect(broker.clientCount).toBe(0);
});

test('nobody is let in before the last wills of the time before, whatever is configured meanwhile', async () => {
  await using folder = await temporaryFolder();
  await using store = await LocalStore.open({ root: folder.path, logger: silentLogger });
  const message = { topic: 'state', payload: Buffer.from('gone'), qos: 1, retain: true } as const;
  await store.commit([{ op: 'putWill', client: 'sensor/1', name: 'sensor', message }]);
  const taken = Promise.withResolvers<undefined>();
  await using broker = await LocalBroker.open({
    ...{ root: folder.path, host: '127.0.0.1', port: 0, store, now: () => new Date(), logger: silentLogger },
    verifyPassword: () => Promise.resolve(true),
    accept: () => taken.promise,
  });
  const clients = { sensor: { password: 'scrypt:x', publish: ['#'], subscribe: ['#'] } };
  for (let generation = 0; generation < 2; generation++)
    await broker.setClients(clients as unknown as Parameters<typeof broker.setClients>[0]);
  await expect(connectTo(broker.port)).rejects.toThrow();
  taken.resolve(undefined);
  await eventually(async () => {
    const connection = await connectTo(broker.port).catch(() => undefined);
    await connection?.[Symbol.asyncDispose]();
    return connection !== undefined;
  });
});

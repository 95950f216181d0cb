import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, jest, test } from '@jest/globals';
import { generate } from 'mqtt-packet';
import { LocalBroker } from '../../agent/broker/local-broker.ts';
import { LocalStore } from '../../agent/streams/local-store.ts';
import { silentLogger } from '../../lib/logger.ts';
import { connectTo, eventually, openDevice, temporaryFolder } from '../support/data-plane.ts';
import { connectPacket, RawMqtt } from '../support/raw-mqtt.ts';

jest.setTimeout(120_000);

const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

async function stranger(port: number): Promise<Socket> {
  const socket = createConnection({ host: '127.0.0.1', port });
  sockets.push(socket);
  socket.on('error', () => undefined);
  socket.resume();
  await once(socket, 'connect');
  return socket;
}

const open = (all: readonly Socket[]): number => all.filter(({ closed }) => !closed).length;

test('whoever does not finish CONNECT in time is let go, however slowly it goes on', async () => {
  await using folder = await temporaryFolder();
  await using store = await LocalStore.open({ root: folder.path, logger: silentLogger });
  await using broker = await LocalBroker.open({
    ...{ root: folder.path, host: '127.0.0.1', port: 0, store, logger: silentLogger },
    verifyPassword: () => Promise.resolve(false),
    accept: () => Promise.resolve(),
    connectTimeoutMs: 2000,
    now: () => new Date(),
  });
  const { port } = broker;
  const connect = generate(connectPacket());
  const silent = await stranger(port);
  const half = await stranger(port);
  half.write(connect.subarray(0, 9));
  const loris = await stranger(port);
  let at = 0;
  const drip = setInterval(() => loris.write(connect.subarray(at, ++at)), 400);
  const header = await stranger(port);
  header.write(connect.subarray(0, 1));
  await eventually(() => open([silent, half, loris, header]) === 0);
  clearInterval(drip);
  expect(at).toBeLessThan(connect.length);
});

test.each([
  ['while its password is checked', Buffer.from('wrong')],
  ['without a password', undefined],
])('what a stranger pours in %s is not even read', async (_when, password) => {
  await using device = await openDevice({});
  const socket = await stranger(device.plane.mqtt.port);
  socket.write(generate(connectPacket({ password })));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  const piece = Buffer.alloc(2 ** 20, 0x30);
  // 200 MiB, as long as somebody takes it.
  let poured = 0;
  for (; poured < 200 && !socket.destroyed; poured++) {
    if (socket.write(piece)) continue;
    await Promise.race([closed, new Promise((resolve) => socket.once('drain', resolve))]);
  }
  await closed;
  // The buffers of the system.
  expect(poured).toBeLessThan(32);
});

test('a flood of connections without a credential neither ends others nor keeps new clients out', async () => {
  await using device = await openDevice({ streams: { all: { topics: ['#'] } } });
  const { port } = device.plane.mqtt;
  await using witness = await connectTo(port, { clientId: 'witness' });
  const flood: Socket[] = [];
  for (let n = 0; n < 700; n++) flood.push(await stranger(port));
  await eventually(() => open(flood) <= 256);
  await witness.client.publishAsync('a', 'x', { qos: 1 });
  await using late = await connectTo(port, { clientId: 'late' });
  await late.client.publishAsync('a', 'x', { qos: 1 });
  expect(device.plane.status().streams.all?.lastSeq).toBe(2);
  expect(witness.client.connected).toBe(true);
});

test('one address has at most 512 connections', async () => {
  await using device = await openDevice({});
  const { port } = device.plane.mqtt;
  const clients: RawMqtt[] = [];
  for (let n = 0; n < 512; n++) {
    const raw = new RawMqtt(await stranger(port));
    raw.send(connectPacket({ clientId: `c${n}` }));
    await raw.next('connack');
    clients.push(raw);
  }
  expect(device.plane.status().clients).toBe(512);
  const refused = new RawMqtt(await stranger(port));
  refused.send(connectPacket({ clientId: 'more' }));
  await refused.end();
  expect(refused.packets).toEqual([]);
  clients[0]?.stream.destroy();
  await eventually(() => device.plane.status().clients === 511);
  await using instead = await connectTo(port);
  expect(instead.client.connected).toBe(true);
});

test('of a thousand guesses of a password ten are looked at; who is known is not concerned', async () => {
  await using folder = await temporaryFolder();
  await using store = await LocalStore.open({ root: folder.path, logger: silentLogger });
  let looked = 0;
  await using broker = await LocalBroker.open({
    ...{ root: folder.path, host: '127.0.0.1', port: 0, store, logger: silentLogger },
    verifyPassword: (_hash, password) => {
      looked++;
      return Promise.resolve(password === 'correct horse');
    },
    accept: () => Promise.resolve(),
    // A clock that stands: nothing is forgotten.
    now: () => new Date(0),
  });
  const session = { expiry: 0, messages: 0, bytes: 0 };
  const spec = { password: 'scrypt:hash', publish: ['#'], subscribe: ['#'], session };
  await broker.setClients({ sensor: spec, display: spec });
  await using known = await connectTo(broker.port, { clientId: 'known' });
  for (let round = 0; round < 50; round++) {
    const guesses = Array.from({ length: 20 }, async (_, n) => {
      const raw = new RawMqtt(await stranger(broker.port));
      raw.send(connectPacket({ username: 'display', password: Buffer.from(`guess ${round} ${n}`) }));
      expect((await raw.next('connack')).returnCode).toBe(5);
    });
    await Promise.all(guesses);
  }
  expect(looked).toBe(1 + 10);
  await using again = await connectTo(broker.port, { clientId: 'again' });
  expect([known.client.connected, again.client.connected, looked]).toEqual([true, true, 11]);
});

test('clients that leave while their CONNECT is under way leave nothing behind', async () => {
  const anything = { publish: ['#'], subscribe: ['#'] };
  await using device = await openDevice({ clients: { sensor: anything } });
  const { port } = device.plane.mqtt;
  const will = { topic: 'gone', payload: Buffer.from('x'), qos: 1, retain: false };
  for (let n = 0; n < 300; n++) {
    const socket = await stranger(port);
    socket.write(generate(connectPacket({ clientId: `c${n % 40}`, clean: n % 3 === 0, will })));
    // At each step of it.
    for (let turn = 0; turn < n % 12; turn++) await new Promise((resolve) => setImmediate(resolve));
    if (n % 12 === 11) await sleep(2);
    socket.destroy();
  }
  await eventually(() => device.plane.status().clients === 0);
  await eventually(() =>
    device.plane.status().sessions.every(({ connected, away }) => !connected && away !== null),
  );
  // 64 sessions of one name at most, none of which is taken for connected: there is room for a new one.
  for (let n = 0; n < 70; n++) {
    await using raw = new RawMqtt(await stranger(port));
    raw.send(connectPacket({ clientId: `new${n}`, clean: false }));
    expect((await raw.next('connack')).returnCode).toBe(0);
    raw.send({ cmd: 'disconnect' });
    await raw.end();
  }
});

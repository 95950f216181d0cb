import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import mqtt from 'mqtt';
import { createWebSocketStream, WebSocket } from 'ws';
import { ConnectionLimits } from '../../agent/broker/connection-limits.ts';
import { Listeners } from '../../agent/broker/listeners.ts';
import type { SecretSource } from '../../agent/gateway/ports.ts';
import { certificatePin, readCertificate } from '../../cloud-sync/trust/index.ts';
import { freePort } from '../../examples/story/network.ts';
import { silentLogger } from '../../lib/logger.ts';
import { fingerprintOf, makeCertificate, type CertificateFiles } from '../support/certificates.ts';
import {
  bundlesOf,
  eventually,
  machineWith,
  openDevice,
  password,
  temporaryFolder,
} from '../support/data-plane.ts';
import { mosquitto } from '../support/mosquitto.ts';
import { connectPacket, RawMqtt } from '../support/raw-mqtt.ts';

jest.setTimeout(60_000);

const anything = { publish: ['#'], subscribe: ['#'] };
const credential = ['-u', 'sensor', '-P', password];

class FakeSecrets implements SecretSource {
  readonly values = new Map<string, string>();
  readonly #listeners = new Set<(name: string) => void>();
  get(name: string): Promise<string | undefined> {
    return Promise.resolve(this.values.get(name));
  }
  onChange(listener: (name: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  set(name: string, value: string): void {
    this.values.set(name, value);
    for (const listener of this.#listeners) listener(name);
  }
}

async function shownPin(port: number): Promise<string> {
  const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const certificate = socket.getPeerX509Certificate();
  socket.destroy();
  if (!certificate) throw new Error('no certificate');
  return certificatePin(certificate);
}

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let gauge: CertificateFiles;
let stranger: CertificateFiles;
let first: CertificateFiles;
let second: CertificateFiles;
beforeAll(async () => {
  folder = await temporaryFolder();
  gauge = await makeCertificate(folder.path, 'gauge');
  stranger = await makeCertificate(folder.path, 'stranger');
  first = await makeCertificate(folder.path, 'first');
  second = await makeCertificate(folder.path, 'second');
});
afterAll(async () => {
  await folder[Symbol.asyncDispose]();
});

test('mosquitto publishes over TLS to a certificate of the device, which it trusts by the CA of the status', async () => {
  const port = await freePort();
  const listeners = { lan: { protocol: 'mqtts', port } };
  await using device = await openDevice({ listeners, streams: { all: { topics: ['#'] } } });
  const { ca, listeners: shown } = device.plane.status();
  expect(shown.lan).toEqual({ protocol: 'mqtts', host: '127.0.0.1', port, problem: null });
  expect(await readFile(ca?.path ?? '', 'utf8')).toBe(ca?.pem);
  expect((await stat(`${device.root}/mqtt/ca-key.pem`)).mode & 0o777).toBe(0o600);
  const to = ['-h', 'localhost', '-p', String(port), ...credential, '-t', 'in/a', '-m', 'x', '-q', '2'];
  expect(await mosquitto('mosquitto_pub', [...to, '--cafile', ca?.path ?? ''])).toMatchObject({ code: 0 });
  expect(device.plane.status().streams.all?.lastSeq).toBe(1);
  expect((await mosquitto('mosquitto_pub', [...to, '--cafile', first.certificate])).code).not.toBe(0);
});

test('the authority of a device stays over restarts', async () => {
  await using own = await temporaryFolder();
  const port = await freePort();
  const listeners = { lan: { protocol: 'mqtts', port } };
  const pems: unknown[] = [];
  for (let round = 0; round < 2; round++) {
    await using device = await openDevice({ listeners }, { root: own.path });
    pems.push(device.plane.status().ca?.pem);
  }
  expect(pems[0]).toBe(pems[1]);
});

describe('a client certificate', () => {
  async function open(now?: () => Date) {
    const [tls, wss] = [await freePort(), await freePort()];
    const clients = {
      gauge: { ...anything, password: undefined, certificate: await fingerprintOf(gauge.certificate) },
      sensor: anything,
    };
    const listeners = { tls: { protocol: 'mqtts', port: tls }, wss: { protocol: 'wss', port: wss } };
    const device = await openDevice(
      { clients, listeners, streams: { all: { topics: ['#'] } } },
      now && { now },
    );
    return { device, tls, wss };
  }
  const shown = ({ key, certificate }: CertificateFiles): string[] => ['--key', key, '--cert', certificate];

  test('is a credential by its fingerprint, with the user name or without', async () => {
    const { device: opened, tls } = await open();
    await using device = opened;
    const to = ['-h', 'localhost', '-p', String(tls), '--cafile', device.plane.status().ca?.path ?? ''];
    const say = [...to, '-t', 'in/a', '-m', 'x', '-q', '1'];
    expect(await mosquitto('mosquitto_pub', [...say, ...shown(gauge)])).toMatchObject({ code: 0 });
    expect(await mosquitto('mosquitto_pub', [...say, ...shown(gauge), '-u', 'gauge'])).toMatchObject({
      code: 0,
    });
    expect(device.plane.status().streams.all?.lastSeq).toBe(2);
    for (const wrong of [
      shown(stranger),
      [...shown(stranger), '-u', 'gauge'],
      ['-u', 'gauge'],
      [...shown(gauge), '-u', 'sensor'],
    ])
      expect((await mosquitto('mosquitto_pub', [...say, ...wrong])).code).not.toBe(0);
    expect(device.plane.status().streams.all?.lastSeq).toBe(2);
    // A password does as well where a certificate is shown.
    expect(await mosquitto('mosquitto_pub', [...say, ...shown(stranger), ...credential])).toMatchObject({
      code: 0,
    });
  });

  test('counts no more when it is out of date', async () => {
    const { device: opened, tls } = await open(() => new Date(Date.now() + 31 * 86_400_000));
    await using device = opened;
    const to = ['-h', 'localhost', '-p', String(tls), '--cafile', device.plane.status().ca?.path ?? ''];
    const { code } = await mosquitto('mosquitto_pub', [...to, '-t', 'in/a', '-m', 'x', ...shown(gauge)]);
    expect(code).not.toBe(0);
  });

  test('counts over secure WebSockets, but not for a page in a browser', async () => {
    const { device: opened, wss } = await open();
    await using device = opened;
    const options = {
      ca: device.plane.status().ca?.pem ?? '',
      key: gauge.keyPem,
      cert: gauge.certificatePem,
    };
    const address = `wss://localhost:${wss}/mqtt`;
    const client = await mqtt.connectAsync(address, { ...options, reconnectPeriod: 0 }, false);
    await client.publishAsync('in/a', 'x', { qos: 2 });
    await client.endAsync();
    expect(device.plane.status().streams.all?.lastSeq).toBe(1);
    const wsOptions = { headers: { origin: 'https://evil.example' } };
    await expect(
      mqtt.connectAsync(
        address,
        { ...options, wsOptions: { ...options, ...wsOptions }, reconnectPeriod: 0 },
        false,
      ),
    ).rejects.toThrow();
  });
});

test('a certificate from secrets is replaced without ending connections; one that does not fit is not taken', async () => {
  const port = await freePort();
  const secrets = new FakeSecrets();
  const listeners = { lan: { protocol: 'mqtts', port, tls: { certificate: 'lan-cert', key: 'lan-key' } } };
  await using device = await openDevice({ listeners }, { secrets });
  expect(device.plane.components()['listeners.lan']).toMatchObject({
    ...{ state: 'failed', message: expect.stringContaining('lan-cert is not set') },
  });
  secrets.set('lan-cert', first.certificatePem);
  secrets.set('lan-key', first.keyPem);
  await eventually(() => device.plane.status().listeners.lan?.problem === null);
  const options = { username: 'sensor', password, ca: first.certificatePem, reconnectPeriod: 0 };
  const client = await mqtt.connectAsync(`mqtts://localhost:${port}`, options, false);
  expect(await shownPin(port)).toBe(certificatePin(readCertificate(first.certificatePem)));

  secrets.set('lan-cert', second.certificatePem);
  await eventually(() => device.plane.status().listeners.lan?.problem !== null);
  expect(await shownPin(port)).toBe(certificatePin(readCertificate(first.certificatePem)));
  secrets.set('lan-key', second.keyPem);
  await eventually(() => device.plane.status().listeners.lan?.problem === null);
  expect(await shownPin(port)).toBe(certificatePin(readCertificate(second.certificatePem)));
  await client.publishAsync('in/a', 'still here', { qos: 1 });
  await client.endAsync(true);
});

test('an authority that cannot be opened is tried again', async () => {
  await using own = await temporaryFolder();
  const place = join(own.path, 'mqtt');
  await writeFile(place, 'in the way');
  await using listeners = new Listeners({
    ...{ root: own.path, secrets: new FakeSecrets(), onChange: () => undefined, logger: silentLogger },
    ...{ broker: { connections: new ConnectionLimits(), connect: () => undefined }, now: () => new Date() },
  });
  await listeners.configure({ tls: { protocol: 'mqtts', host: '127.0.0.1', port: await freePort() } });
  expect(listeners.status()).toMatchObject({ ca: null, listeners: { tls: { problem: expect.anything() } } });
  await rm(place);
  await listeners.tidy();
  expect(listeners.status()).toMatchObject({
    ca: { pem: expect.stringContaining('BEGIN CERTIFICATE') },
    listeners: { tls: { problem: null } },
  });
});

test('a port that another program has is a problem of the listener, and taken once it is free', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  await using device = await openDevice({ listeners: { lan: { protocol: 'mqtt', port } } });
  expect(device.plane.components()['listeners.lan']).toMatchObject({
    ...{ kind: 'listener', state: 'failed', message: expect.stringContaining(`127.0.0.1:${port}`) },
  });
  other.close();
  await eventually(() => device.plane.status().listeners.lan?.problem === null);
  const { code } = await mosquitto('mosquitto_pub', [
    '-p',
    String(port),
    ...credential,
    '-t',
    'a',
    '-m',
    'x',
    '-q',
    '1',
  ]);
  expect(code).toBe(0);
});

test('a generation opens and closes listeners; what did not change keeps its connections', async () => {
  const [kept, gone] = [await freePort(), await freePort()];
  const listeners = { kept: { protocol: 'mqtt', port: kept }, gone: { protocol: 'ws', port: gone } };
  await using device = await openDevice({ listeners });
  const options = { username: 'sensor', password, reconnectPeriod: 0 };
  const stays = await mqtt.connectAsync(`mqtt://127.0.0.1:${kept}`, options, false);
  const goes = await mqtt.connectAsync(`ws://127.0.0.1:${gone}`, options, false);
  goes.on('error', () => undefined);
  const closed = new Promise((resolve) => goes.once('close', () => resolve(undefined)));
  const machine = await machineWith({ listeners: { kept: listeners.kept } });
  await device.plane.configure(machine, bundlesOf(machine));
  await closed;
  await stays.publishAsync('in/a', 'x', { qos: 1 });
  await stays.endAsync(true);
  expect(Object.keys(device.plane.status().listeners)).toEqual(['kept']);
});

describe('WebSockets', () => {
  async function open() {
    const port = await freePort();
    const device = await openDevice({ listeners: { web: { protocol: 'ws', port } } });
    return { device, port };
  }

  test('carry packets in whatever pieces they come', async () => {
    const { device: opened, port } = await open();
    await using _device = opened;
    const socket = new WebSocket(`ws://127.0.0.1:${port}/mqtt`, 'mqtt');
    await once(socket, 'open');
    expect(socket.protocol).toBe('mqtt');
    await using raw = new RawMqtt(createWebSocketStream(socket));
    raw.send(connectPacket());
    expect((await raw.next('connack')).returnCode).toBe(0);
    for (const byte of [0xc0, 0x00]) socket.send(Buffer.from([byte]));
    await raw.next('pingresp');
  });

  test.each([
    ['another subprotocol', 'mqttv3.1', '/mqtt'],
    ['another path', 'mqtt', '/other'],
  ])('are refused with %s', async (_what, protocol, path) => {
    const { device: opened, port } = await open();
    await using _device = opened;
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, protocol);
    const [error] = (await once(socket, 'error')) as [Error];
    expect(error.message).toContain('Unexpected server response: 40');
  });

  test('end with a text message [MQTT-6.0.0-1], or with one that is too large', async () => {
    const { device: opened, port } = await open();
    await using _device = opened;
    for (const bad of ['text', Buffer.alloc(2 ** 21)]) {
      const socket = new WebSocket(`ws://127.0.0.1:${port}`, 'mqtt');
      socket.on('error', () => undefined);
      await once(socket, 'open');
      socket.send(bad);
      await once(socket, 'close');
    }
  });

  test('answer plain HTTP with what they are for', async () => {
    const { device: opened, port } = await open();
    await using _device = opened;
    const response = await fetch(`http://127.0.0.1:${port}/`);
    expect(response.status).toBe(426);
    await response.text();
  });
});

import { spawn, spawnSync } from 'node:child_process';
import { once as event } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { LocalStore } from '../../agent/streams/local-store.ts';
import type { SecretSource } from '../../agent/gateway/ports.ts';
import { silentLogger } from '../../lib/logger.ts';
import { builtChild } from '../support/built-program.ts';
import {
  connectTo,
  eventually,
  openDevice,
  temporaryFolder,
  text,
  type Device,
} from '../support/data-plane.ts';
import { makeCertificates, openMosquitto, openNats, openPeerClient } from '../support/mqtt-brokers.ts';
import { peerTest } from '../support/peers.ts';

const timeoutMs = 110_000;
const mosquitto = ['mosquitto'] as const;

/** Secrets that are there from the beginning or come later. */
function secretsOf(
  values: Record<string, string>,
): SecretSource & { set(name: string, value: string): void } {
  const listeners = new Set<(name: string) => void>();
  return {
    get: (name) => Promise.resolve(values[name]),
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    set: (name, value) => {
      values[name] = value;
      for (const listener of listeners) listener(name);
    },
  };
}

const range = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => String(from + index));

async function publish(
  port: number,
  topic: string,
  payloads: readonly string[],
  options = {},
): Promise<void> {
  await using sensor = await connectTo(port, options);
  await Promise.all(payloads.map((payload) => sensor.client.publishAsync(topic, payload, { qos: 1 })));
}

/** Without what came twice: brokers and bridges promise at least once. */
const once = (texts: readonly string[]): string[] => [...new Set(texts)];

const bridgeOf = (device: Device) => device.plane.status().bridges.site;
const streams = { telemetry: { topics: ['site/#'] }, came: { topics: ['from/#'] } };

peerTest(
  mosquitto,
  'messages go out to mosquitto and come in from it with QoS 0, 1 and 2, on mapped topics',
  async () => {
    await using folder = await temporaryFolder();
    await using broker = await openMosquitto(folder.path);
    await using judge = await openPeerClient(broker.port, { filter: 'plants/#', qos: 2 });
    const url = `mqtt://127.0.0.1:${broker.port}`;
    for (const qos of [0, 1, 2] as const) {
      judge.received.length = 0;
      await using device = await openDevice({
        streams,
        bridges: {
          site: {
            url,
            out: [{ stream: 'telemetry', qos, strip: 'site/', topic: 'plants/{device}/{topic}' }],
            in: [{ topics: ['orders/#'], qos, topic: 'from/{topic}' }],
          },
        },
      });
      await using local = await connectTo(device.plane.mqtt.port);
      const heard: string[] = [];
      local.client.on('message', (topic, payload) => heard.push(`${topic} ${payload.toString()}`));
      await local.client.subscribeAsync('from/#', { qos: 1 });
      await eventually(() => bridgeOf(device)?.connected === true && bridgeOf(device)?.in !== null);
      await publish(device.plane.mqtt.port, 'site/a', range(1, 300));
      await eventually(() => judge.received.length >= 300);
      expect(judge.received).toEqual(range(1, 300).map((n) => `plants/device/a ${n}`));
      for (const n of range(1, 50)) await judge.client.publishAsync('orders/x', n, { qos });
      await eventually(() => heard.length >= 50);
      expect(heard).toEqual(range(1, 50).map((n) => `from/orders/x ${n}`));
      await eventually(() => bridgeOf(device)?.out[0]?.backlog === 0);
      expect(device.plane.status().streams.came?.lastSeq).toBe(50);
      expect(bridgeOf(device)).toMatchObject({ lastError: null, in: { received: 50, refused: 0 } });
    }
  },
  timeoutMs,
);

peerTest(
  mosquitto,
  '[G5] nothing is lost and order is kept when mosquitto is killed in the middle and comes back',
  async () => {
    await using folder = await temporaryFolder();
    await using broker = await openMosquitto(folder.path);
    await using judge = await openPeerClient(broker.port, { filter: 'site/#' });
    await using device = await openDevice({
      streams,
      bridges: { site: { url: `mqtt://127.0.0.1:${broker.port}`, out: [{ stream: 'telemetry' }] } },
    });
    const { port } = device.plane.mqtt;
    await publish(port, 'site/a', range(1, 500));
    await eventually(() => judge.received.length >= 100);
    await broker.kill();
    await publish(port, 'site/a', range(501, 1000));
    await eventually(() => bridgeOf(device)?.connected === false);
    expect(device.plane.components()['bridges.site']).toMatchObject({ kind: 'bridge', state: 'waiting' });
    await broker.start();
    await eventually(() => judge.received.includes('site/a 1000'));
    await eventually(() => bridgeOf(device)?.out[0]?.backlog === 0);
    // What mosquitto acknowledged and had not handed on when it died is its own loss: it saves its memory now and then.
    const came = once(judge.received).map((line) => Number(line.split(' ')[1]));
    expect(came).toEqual(came.toSorted((a, b) => a - b));
    expect(came.filter((n) => n > 500)).toEqual(range(501, 1000).map(Number));
  },
  timeoutMs,
);

peerTest(
  mosquitto,
  '[G1] what is published while the agent is away comes when it is back, and what it sent is not sent again',
  async () => {
    await using folder = await temporaryFolder();
    await using root = await temporaryFolder();
    await using broker = await openMosquitto(folder.path);
    await using judge = await openPeerClient(broker.port, { filter: 'site/#' });
    const sections = {
      streams,
      bridges: {
        site: {
          url: `mqtt://127.0.0.1:${broker.port}`,
          out: [{ stream: 'telemetry' }],
          in: [{ topics: ['orders/#'], topic: 'from/{topic}' }],
        },
      },
    };
    {
      await using device = await openDevice(sections, { root: root.path });
      await publish(device.plane.mqtt.port, 'site/a', range(1, 10));
      await judge.client.publishAsync('orders/x', 'first', { qos: 1 });
      await eventually(() => judge.received.length === 10 && bridgeOf(device)?.in?.received === 1);
    }
    for (const n of range(1, 20)) await judge.client.publishAsync('orders/x', n, { qos: 1 });
    await using device = await openDevice(sections, { root: root.path });
    await publish(device.plane.mqtt.port, 'site/a', range(11, 20));
    await eventually(() => judge.received.length >= 20 && bridgeOf(device)?.in?.received === 20);
    expect(judge.received).toEqual(range(1, 20).map((n) => `site/a ${n}`));
    expect(device.plane.status().streams.came?.lastSeq).toBe(21);
  },
  timeoutMs,
);

peerTest(
  mosquitto,
  'a wrong password is said in the status, and the right one connects at once',
  async () => {
    await using folder = await temporaryFolder();
    const passwords = join(folder.path, 'passwords');
    await writeFile(passwords, '');
    spawnSync('mosquitto_passwd', ['-b', passwords, 'plant', 'right']);
    await using broker = await openMosquitto(folder.path, [
      'allow_anonymous false',
      `password_file ${passwords}`,
    ]);
    const secrets = secretsOf({ 'plant-password': 'wrong' });
    await using device = await openDevice(
      {
        streams,
        bridges: {
          site: {
            url: `mqtt://127.0.0.1:${broker.port}`,
            ...{ username: 'plant', password: 'plant-password' },
            out: [{ stream: 'telemetry' }],
          },
        },
      },
      { secrets },
    );
    await eventually(() => bridgeOf(device)?.refused === true);
    expect(device.plane.components()['bridges.site']).toMatchObject({ state: 'failed' });
    expect(bridgeOf(device)?.lastError).toMatch(/not authorized/i);
    secrets.set('plant-password', 'right');
    await eventually(() => bridgeOf(device)?.connected === true);
    await publish(device.plane.mqtt.port, 'site/a', ['1']);
    await eventually(() => bridgeOf(device)?.out[0]?.cursor === 1);
  },
  timeoutMs,
);

peerTest(
  [...mosquitto, 'openssl'],
  'TLS by a private authority, with a client certificate, and not without it',
  async () => {
    await using folder = await temporaryFolder();
    makeCertificates(folder.path);
    const file = (name: string): Promise<string> => readFile(join(folder.path, name), 'utf8');
    await using broker = await openMosquitto(folder.path, [
      `cafile ${folder.path}/ca.pem`,
      `certfile ${folder.path}/server.pem`,
      `keyfile ${folder.path}/server.key`,
      ...['require_certificate true', 'use_identity_as_username true', 'allow_anonymous false'],
    ]);
    const secrets = secretsOf({ ca: await file('ca.pem'), cert: await file('client.pem') });
    const tls = { ca: 'ca', certificate: 'cert', key: 'key' };
    const url = `mqtts://127.0.0.1:${broker.port}`;
    await using device = await openDevice(
      { streams, bridges: { site: { url, tls, out: [{ stream: 'telemetry' }] } } },
      { secrets },
    );
    await eventually(() => bridgeOf(device)?.lastError?.includes('secret key is not set') === true);
    secrets.set('key', await file('client.key'));
    await publish(device.plane.mqtt.port, 'site/a', range(1, 10));
    await eventually(() => bridgeOf(device)?.out[0]?.cursor === 10);
    secrets.set('ca', '');
    await eventually(() => /certificate/i.test(bridgeOf(device)?.lastError ?? ''));
  },
  timeoutMs,
);

peerTest(
  mosquitto,
  'two agents bridged to one broker in both directions exchange each message once, and no more',
  async () => {
    await using folder = await temporaryFolder();
    await using broker = await openMosquitto(folder.path);
    await using judge = await openPeerClient(broker.port, { filter: 'site/#' });
    const bridge = (clientId: string) => ({
      streams,
      bridges: {
        site: {
          ...{ url: `mqtt://127.0.0.1:${broker.port}`, clientId },
          out: [{ stream: 'telemetry' }],
          in: [{ topics: ['site/#'] }],
        },
      },
    });
    await using one = await openDevice(bridge('one'));
    await using two = await openDevice(bridge('two'));
    await eventually(() => bridgeOf(one)?.connected === true && bridgeOf(two)?.connected === true);
    await publish(one.plane.mqtt.port, 'site/a', range(1, 20));
    await publish(two.plane.mqtt.port, 'site/b', range(1, 20));
    const settled = (device: Device): boolean =>
      bridgeOf(device)?.in?.received === 40 && bridgeOf(device)?.out[0]?.backlog === 0;
    await eventually(() => settled(one) && settled(two));
    // Its own messages come back to each: MQTT 3.1.1 has no way to ask for those of others only.
    expect([one, two].map((device) => device.plane.status().streams.telemetry?.lastSeq)).toEqual([60, 60]);
    expect(judge.received).toHaveLength(40);
  },
  timeoutMs,
);

peerTest(
  ['nats-server'],
  'messages go out to nats-server and come in from it, over its death too',
  async () => {
    await using folder = await temporaryFolder();
    await using broker = await openNats(folder.path);
    await using judge = await openPeerClient(broker.port, { filter: 'site/#' });
    await using device = await openDevice({
      streams,
      bridges: {
        site: {
          url: `mqtt://127.0.0.1:${broker.port}`,
          out: [{ stream: 'telemetry' }],
          in: [{ topics: ['orders/#'], qos: 2, topic: 'from/{topic}' }],
        },
      },
    });
    await publish(device.plane.mqtt.port, 'site/a', range(1, 50));
    await eventually(() => judge.received.length >= 50 && bridgeOf(device)?.connected === true);
    for (const n of range(1, 5)) await judge.client.publishAsync('orders/x', n, { qos: 1 });
    await eventually(() => bridgeOf(device)?.in?.received === 5);
    await broker.kill();
    await publish(device.plane.mqtt.port, 'site/a', range(51, 100));
    await broker.start();
    await eventually(() => once(judge.received).length >= 100);
    expect(once(judge.received)).toEqual(range(1, 100).map((n) => `site/a ${n}`));
  },
  timeoutMs,
);

/** An agent in a process of its own; what it returns kills it with SIGKILL. */
async function startAgent(root: string, url: string, qos: number) {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', builtChild('bridge-child'), root, url, String(qos)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const [line] = (await event(child.stdout, 'data')) as [Buffer];
  const kill = async (): Promise<void> => {
    const exited = event(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  };
  return { port: Number(line.toString()), kill };
}

/** What a stream holds, without what came twice. */
async function heldBy(root: string, stream: string): Promise<string[]> {
  await using store = await LocalStore.open({ root, logger: silentLogger });
  const records = await store.records({ stream, after: 0, limit: 100_000, maxBytes: 2 ** 30 });
  return once(records.map((record) => (record.gap ? record.gap.reason : text(record.message.payload))));
}

for (const qos of [1, 2] as const)
  peerTest(
    mosquitto,
    `[G1] [G5] an agent that is killed in the middle, again and again, loses nothing in either direction: QoS ${qos}`,
    async () => {
      await using folder = await temporaryFolder();
      await using root = await temporaryFolder();
      await using broker = await openMosquitto(folder.path);
      await using judge = await openPeerClient(broker.port, { filter: 'site/#', qos: 2 });
      const url = `mqtt://127.0.0.1:${broker.port}`;
      const acknowledged: string[] = [];
      // So that the other broker knows the subscription before anything is published there.
      const first = await startAgent(root.path, url, qos);
      await judge.client.publishAsync('orders/x', 'hello', { qos });
      await publish(first.port, 'site/a', ['0']);
      await eventually(() => judge.received.length > 0);
      await first.kill();
      for (let round = 0; round < 4; round++) {
        const agent = await startAgent(root.path, url, qos);
        await using sensor = await connectTo(agent.port);
        // A client that does not connect again would wait for ever for what was not acknowledged.
        sensor.client.once('close', () => sensor.client.end(true));
        const before = judge.received.length;
        const sending = range(1, 400).map(async (n) => {
          await sensor.client.publishAsync('site/a', `${round}-${n}`, { qos: 1 });
          acknowledged.push(`site/a ${round}-${n}`);
        });
        // One by one: mosquitto 2.0.11 drops what one client has in flight of QoS 2 beyond 20 messages.
        const ordering = (async () => {
          for (const n of range(1, 100))
            await judge.client.publishAsync('orders/x', `${round}-${n}`, { qos });
        })();
        await eventually(() => judge.received.length > before + 3 + round * 60);
        await agent.kill();
        await Promise.allSettled(sending);
        await ordering;
      }
      const last = await startAgent(root.path, url, qos);
      await publish(last.port, 'site/a', ['end']);
      await judge.client.publishAsync('orders/x', 'end', { qos });
      await eventually(() => judge.received.includes('site/a end'));
      const missing = acknowledged.filter((line) => !judge.received.includes(line));
      expect(missing).toEqual([]);
      const held = async (): Promise<string[]> => {
        await using copy = await temporaryFolder();
        spawnSync('cp', ['-r', join(root.path, 'data'), copy.path]);
        return await heldBy(copy.path, 'came');
      };
      await eventually(async () => (await held()).includes('end'));
      await last.kill();
      const orders = [0, 1, 2, 3].flatMap((round) => range(1, 100).map((n) => `${round}-${n}`));
      const came = await heldBy(root.path, 'came');
      expect(orders.filter((order) => !came.includes(order))).toEqual([]);
    },
    timeoutMs,
  );

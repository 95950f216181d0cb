import { spawn } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import mqtt from 'mqtt';
import { MqttPackets } from '../../support/mqtt-packets.ts';
import { online, packBatch, batchOf, report } from '../../support/cloud.ts';
import { password } from '../../support/data-plane.ts';
import { openCloudTarget } from './cloud-target.ts';
import { openLocalTarget } from './local-target.ts';
import type { FuzzTarget } from './target.ts';

/** `node test/hostile/mqtt-fuzz/record.ts`: makes the fixtures again, from what mosquitto and mqtt.js say to both brokers. */

/** Plays a session over the port of the recording proxy. */
type Script = (port: number) => Promise<void>;

const program =
  (name: string, ...parameters: string[]): Script =>
  async (port) => {
    const child = spawn(name, ['-h', '127.0.0.1', '-p', String(port), '-V', 'mqttv311', ...parameters], {
      stdio: 'ignore',
    });
    await once(child, 'close');
  };

const library =
  (options: mqtt.IClientOptions, play: (client: mqtt.MqttClient) => Promise<unknown>): Script =>
  async (port) => {
    const client = mqtt.connect(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 0, ...options });
    client.on('error', () => undefined);
    const closed = new Promise((resolve) => client.once('close', () => resolve(undefined)));
    await new Promise((resolve) => client.once('connect', resolve));
    await Promise.race([play(client).then(() => sleep(100)), closed]).catch(() => undefined);
    // What the broker refused is still waiting for its acknowledgement.
    await client.endAsync(!client.connected);
  };

const login = ['-u', 'fuzzer', '-P', password];
const fuzzer = { username: 'fuzzer', password };

const localScripts: Record<string, Script> = {
  'mosquitto-pub-qos0': program('mosquitto_pub', ...login, '-i', 'pub0', '-t', 'fuzz/a', '-m', 'hello'),
  'mosquitto-pub-qos1-will': program(
    'mosquitto_pub',
    ...login,
    ...['-i', 'pub1', '-q', '1', '-t', 'fuzz/b', '-m', '{"value":21.5}', '--will-topic', 'fuzz/will'],
    ...['--will-payload', 'gone', '--will-qos', '1', '--will-retain'],
  ),
  'mosquitto-pub-qos2-retain': program(
    'mosquitto_pub',
    ...[...login, '-i', 'pub2', '-q', '2', '-r', '-t', 'fuzz/state', '-m', 'on'],
  ),
  'mosquitto-sub-session': program(
    'mosquitto_sub',
    ...[...login, '-i', 'sub', '-c', '-q', '2', '-t', 'fuzz/#', '-t', 'fuzz/+/x', '-W', '1'],
  ),
  'mosquitto-wrong-password': program(
    'mosquitto_pub',
    ...['-u', 'fuzzer', '-P', 'wrong horse', '-i', 'pub3', '-t', 'fuzz/a', '-m', 'hello'],
  ),
  'mqttjs-everything': library({ ...fuzzer, clientId: 'js', clean: false }, async (client) => {
    await client.subscribeAsync(['fuzz/#', 'fuzz/b/+'], { qos: 2 });
    for (const qos of [0, 1, 2] as const) await client.publishAsync('fuzz/b/c', `qos ${qos}`, { qos });
    await client.publishAsync('fuzz/retained', 'kept', { qos: 1, retain: true });
    client.sendPing();
    await client.unsubscribeAsync('fuzz/b/+');
  }),
  'mqttjs-will': library(
    {
      ...fuzzer,
      clientId: 'js-will',
      will: { topic: 'fuzz/js', payload: Buffer.from('gone'), qos: 2, retain: true },
    },
    (client) => client.publishAsync('fuzz/large', 'x'.repeat(3000), { qos: 1 }),
  ),
  'mqttjs-forbidden-publish': library({ ...fuzzer, clientId: 'js-no' }, (client) =>
    client.publishAsync('witness/stolen', 'no', { qos: 1 }),
  ),
  'mqttjs-forbidden-subscribe': library({ ...fuzzer, clientId: 'js-no2' }, (client) =>
    client.subscribeAsync(['#', '$SYS/#', 'witness/#', 'fuzz/ok'], { qos: 1 }),
  ),
};

const prefix = 'hf/v1/default/fuzz-1';
const named = { clientId: 'fuzz-1' };

const cloudScripts: Record<string, Script> = {
  'mosquitto-pub-online': program(
    'mosquitto_pub',
    ...['-i', 'fuzz-1', '-q', '1', '-r', '-t', `${prefix}/online`, '-m', JSON.stringify(online(1))],
    ...[
      '--will-topic',
      `${prefix}/online`,
      '--will-payload',
      JSON.stringify(online(1, false)),
      '--will-qos',
      '1',
    ],
  ),
  'mosquitto-sub-desired': program(
    'mosquitto_sub',
    ...['-i', 'fuzz-1', '-q', '1', '-t', `${prefix}/desired`, '-t', `${prefix}/cmd/+`, '-W', '1'],
  ),
  'mosquitto-sub-others': program('mosquitto_sub', '-i', 'fuzz-1', '-t', 'hf/#', '-t', 't/#', '-W', '1'),
  'mosquitto-other-id': program('mosquitto_pub', '-i', 'thief', '-t', `${prefix}/online`, '-m', '{}'),
  'mqttjs-relay': library(named, async (client) => {
    await client.subscribeAsync([`${prefix}/relay/ack`, `${prefix}/reported/ack`], { qos: 1 });
    await client.publishAsync(`${prefix}/relay`, await packBatch(batchOf(1, 50)), { qos: 1 });
    await client.publishAsync(`${prefix}/relay`, await packBatch(batchOf(51, 60)), { qos: 1 });
  }),
  'mqttjs-reported': library(named, async (client) => {
    await client.publishAsync(`${prefix}/reported`, JSON.stringify(report(1)), { qos: 1, retain: true });
    const status = JSON.stringify({ status: 'succeeded', result: 1 });
    await client.publishAsync(`${prefix}/cmd/1a2b/status`, status, { qos: 1 });
  }),
  'mqttjs-other-device': library(named, (client) =>
    client.publishAsync('hf/v1/default/witness-1/online', JSON.stringify(online(9)), { qos: 1 }),
  ),
};

async function record(target: FuzzTarget, scripts: Record<string, Script>): Promise<void> {
  await rm(target.fixtures, { recursive: true, force: true });
  await mkdir(target.fixtures, { recursive: true });
  for (const [name, script] of Object.entries(scripts)) {
    const lines: string[] = [];
    const server = createServer((client) => {
      const broker = target.open('client');
      const sides = [
        { side: 'c', from: client, to: broker },
        { side: 's', from: broker, to: client },
      ];
      for (const { side, from, to } of sides) {
        const packets = new MqttPackets();
        from.on('data', (chunk: Buffer) => {
          for (const packet of packets.push(chunk)) lines.push(`${side} ${packet.toString('hex')}`);
        });
        from.on('error', () => to.destroy());
        from.pipe(to);
      }
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    await script((server.address() as AddressInfo).port);
    server.close();
    await sleep(100);
    await writeFile(join(target.fixtures, `${name}.hex`), `# ${name}\n${lines.join('\n')}\n`);
    process.stdout.write(`${target.name} ${name}: ${lines.length} packets\n`);
  }
}

for (const [open, scripts] of [
  [openLocalTarget, localScripts],
  [openCloudTarget, cloudScripts],
] as const) {
  await using target = await open();
  await record(target, scripts);
}

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import mqtt, { type MqttClient } from 'mqtt';
import type { Figures } from '../main.ts';
import { median, percentile, rounded } from '../statistics.ts';
import { coldStartMs } from './cold-start.ts';
import { BenchDevice, station } from './device.ts';

const runs = 3;
const throughputMessages = 5000;
const inFlight = 200;
const latencyMessages = 1000;
const latencyEveryMs = 10;
const restarts = 5;
const idleMs = 10_000;

/** The whole way: a local QoS 1 publish, the function, its publish, the relay, the row in the cloud's database. */
export async function run(report: (line: string) => void): Promise<Figures> {
  report('building');
  await promisify(execFile)(process.execPath, [
    fileURLToPath(new URL('../../scripts/build.ts', import.meta.url)),
  ]);
  await using device = await BenchDevice.open(AbortSignal.timeout(600_000));
  const client = await mqtt.connectAsync({
    host: '127.0.0.1',
    port: device.mqttPort,
    clientId: station.username,
    ...station,
  });

  const rates: number[] = [];
  for (let index = 0; index < runs; index++) {
    rates.push(await throughput(device, client));
    report(`throughput, run ${index + 1} of ${runs}: ${rounded(rates.at(-1) ?? 0, 0)} messages/s`);
  }
  const latencies = await latency(device, client);
  report(`latency at ${1000 / latencyEveryMs} messages/s: p50 ${rounded(percentile(latencies, 0.5))} ms`);
  await client.endAsync();

  const readyMs: number[] = [];
  for (let index = 0; index < restarts; index++) readyMs.push(await device.restartAgent());
  report(`agent start to ready: ${readyMs.map((value) => rounded(value, 0)).join(', ')} ms`);
  await sleep(idleMs);
  const pssBytes = await device.pssBytes(AbortSignal.timeout(30_000));
  const coldMs = await coldStartMs();

  return {
    perSec: rounded(median(rates), 0),
    p50Ms: rounded(percentile(latencies, 0.5)),
    p99Ms: rounded(percentile(latencies, 0.99)),
    coldMs: rounded(coldMs),
    readyMs: rounded(median(readyMs), 0),
    idlePssMb: pssBytes === null ? null : rounded(pssBytes / 1e6),
  };
}

/** Messages a second from the first publish to the time at which the cloud stored the last row. */
async function throughput(device: BenchDevice, client: MqttClient): Promise<number> {
  const begunMs = Date.now();
  const waiting = new Set<Promise<unknown>>();
  for (let index = 0; index < throughputMessages; index++) {
    const one: Promise<unknown> = publish(client, index).finally(() => waiting.delete(one));
    waiting.add(one);
    if (waiting.size >= inFlight) await Promise.race(waiting);
  }
  await Promise.all(waiting);
  const rows = await collect(device, throughputMessages);
  return throughputMessages / ((Math.max(...rows.map(({ receivedMs }) => receivedMs)) - begunMs) / 1000);
}

/** At a steady rate far below the limit, milliseconds from the publish to the time at which the cloud stored the row. */
async function latency(device: BenchDevice, client: MqttClient): Promise<number[]> {
  const publishes: Promise<unknown>[] = [];
  for (let index = 0; index < latencyMessages; index++) {
    publishes.push(publish(client, index));
    await sleep(latencyEveryMs);
  }
  await Promise.all(publishes);
  const rows = await collect(device, latencyMessages);
  return rows.map(({ value, receivedMs }) => receivedMs - (value as { sentMs: number }).sentMs);
}

function publish(client: MqttClient, index: number): Promise<unknown> {
  return client.publishAsync(
    'in/events',
    JSON.stringify({ index, sentMs: Date.now(), filler: 'x'.repeat(120) }),
    { qos: 1 },
  );
}

async function collect(
  device: BenchDevice,
  count: number,
): Promise<{ value: unknown; receivedMs: number }[]> {
  const rows: { value: unknown; receivedMs: number }[] = [];
  for (let silentMs = 0; rows.length < count;) {
    const some = await device.newRows();
    rows.push(...some);
    silentMs = some.length === 0 ? silentMs + 50 : 0;
    if (silentMs > 60_000) throw new Error(`Only ${rows.length} of ${count} rows reached the cloud`);
    if (some.length === 0) await sleep(50);
  }
  return rows;
}

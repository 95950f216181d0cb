import { setTimeout as sleep } from 'node:timers/promises';
import mqtt, { type MqttClient } from 'mqtt';
import { readMeasurements } from '../../examples/story/weather.ts';
import type { ClientJob, ClientReport } from './client-job.ts';
import { SamplePayloads } from './sample-payloads.ts';

/** One mqtt.js client in a process of its own. Takes one job from its parent, starts it on `go`, ends with it. */
type PublishJob = Extract<ClientJob, { kind: 'publish' }>;
type SubscribeJob = Extract<ClientJob, { kind: 'subscribe' }>;

const report = (message: ClientReport): void => void process.send?.(message);
const nowMs = (): number => performance.timeOrigin + performance.now();
process.on('disconnect', () => process.exit());

const job = (await told()) as ClientJob;
const { url, ...credential } = job.endpoint;
const client = await mqtt.connectAsync(url, {
  ...credential,
  clientId: `${job.kind}-${process.pid}`,
  reconnectPeriod: 0,
  keepalive: 60,
});
await (job.kind === 'publish' ? publish(client, job) : subscribe(client, job));
await client.endAsync();
process.disconnect?.();

function told(): Promise<unknown> {
  return new Promise((resolve) => process.once('message', resolve));
}

async function publish(publisher: MqttClient, work: PublishJob): Promise<void> {
  const payloadAt = await payloads(work);
  report({ event: 'ready' });
  await told();
  const beganMs = nowMs();
  const cpu = process.cpuUsage();
  const { topic, messages, inFlight, perSecond = Number.POSITIVE_INFINITY } = work;
  const all = Promise.withResolvers<undefined>();
  publisher.on('error', (error) => all.reject(error));
  publisher.on('close', () => all.reject(new Error('The broker closed the connection of the publisher')));
  let sent = 0;
  let acknowledged = 0;
  const next = (): void => {
    if (sent >= messages) return;
    const index = sent++;
    publisher.publish(topic, payloadAt(index), { qos: 1 }, (error) => {
      if (error) all.reject(error);
      else if (++acknowledged === messages) all.resolve(undefined);
      else later();
    });
  };
  // At a pace, the one that may go next waits for its time.
  const later = (): void => {
    const waitMs = beganMs + (sent / perSecond) * 1000 - nowMs();
    if (waitMs > 1) void sleep(waitMs).then(next);
    else next();
  };
  const paced = Number.isFinite(perSecond);
  for (let index = 0; index < (paced ? 1 : inFlight); index++) next();
  await all.promise;
  done(beganMs, acknowledged, cpu);
  publisher.removeAllListeners('close');
}

async function payloads({ payload }: PublishJob): Promise<(index: number) => Buffer | string> {
  if (payload !== 'weather') {
    const samples = new SamplePayloads(payload.bytes);
    return (index) => samples.at(index);
  }
  const rows = (await readMeasurements()).map((row) => JSON.stringify(row));
  return (index) => rows[index % rows.length] ?? '';
}

async function subscribe(subscriber: MqttClient, { filter, messages }: SubscribeJob): Promise<void> {
  const seen = new Uint8Array(messages);
  const all = Promise.withResolvers<undefined>();
  let distinct = 0;
  let received = 0;
  let beganMs = 0;
  subscriber.on('error', (error) => all.reject(error));
  subscriber.on('message', (_, payload) => {
    if (received++ === 0) beganMs = nowMs();
    const index = SamplePayloads.indexOf(payload);
    if (seen[index] !== 0) return;
    seen[index] = 1;
    if (++distinct === messages) all.resolve(undefined);
  });
  await subscriber.subscribeAsync(filter, { qos: 1 });
  const cpu = process.cpuUsage();
  report({ event: 'ready' });
  await all.promise;
  done(beganMs, received, cpu);
}

function done(beganMs: number, received: number, since: NodeJS.CpuUsage): void {
  const { user, system } = process.cpuUsage(since);
  report({ event: 'done', beganMs, endedMs: nowMs(), received, cpuMs: (user + system) / 1000 });
}

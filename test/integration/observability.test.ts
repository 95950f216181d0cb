import { spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import { expect, jest, test } from '@jest/globals';
import { DataPlane } from '../../agent/data-plane.ts';
import { Observability } from '../../agent/observability/observability.ts';
import { LocalStore } from '../../agent/streams/local-store.ts';
import { readLogEvent, readMetricsEvent } from '../../cloud-sync/protocol/observability.ts';
import { freePort } from '../../examples/story/network.ts';
import { createLogger, silentLogger, type Logger } from '../../lib/logger.ts';
import { listenAt } from '../../lib/remembered-port.ts';
import { observabilitySchema } from '../../manifests/network.ts';
import {
  FakeCloud,
  FakeRuntime,
  bundlesOf,
  connectTo,
  eventually,
  machineWith,
  temporaryFolder,
  type FakeBundle,
  type Sections,
} from '../support/data-plane.ts';
import { peerTest } from '../support/peers.ts';

jest.setTimeout(120_000);

type Observed = AsyncDisposable & {
  readonly plane: DataPlane<FakeBundle>;
  readonly observability: Observability;
  readonly runtime: FakeRuntime;
  readonly logger: Logger;
};

async function openObserved(root: string, section: object, sections: Sections = {}): Promise<Observed> {
  const stack = new AsyncDisposableStack();
  const observability = stack.use(new Observability());
  const logger = createLogger(observability.write);
  const runtime = new FakeRuntime({ echo: () => 'done', bad: () => Promise.reject(new Error('no')) });
  const mqtt = { host: '127.0.0.1', port: 0 };
  const plane = stack.use(await DataPlane.open<FakeBundle>({ root, mqtt, runtime, observability, logger }));
  const machine = { ...(await machineWith(sections)), observability: observabilitySchema.parse(section) };
  await plane.configure(machine, bundlesOf(machine));
  return { plane, observability, runtime, logger, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

async function stored(root: string) {
  await using store = await LocalStore.open({ root, logger: silentLogger });
  const records = await store.records({
    stream: 'observability',
    after: 0,
    limit: 10_000,
    maxBytes: 2 ** 24,
  });
  return records.flatMap(({ gap, ...rest }) => (gap ? [] : [(rest as { message: Message }).message]));
}

type Message = { readonly topic: string; readonly payload: Uint8Array };

test('what is logged is in the stream after a restart, in order, and is not written again', async () => {
  await using root = await temporaryFolder();
  {
    await using device = await openObserved(root.path, {});
    device.logger.info('reconcile.committed', { generation: 4 });
    device.logger.debug('chatter');
    device.logger.warn('function.log', { function: 'echo', message: 'low on paper' });
  }
  const messages = await stored(root.path);
  const logs = messages.map(({ topic, payload }) => [topic, readLogEvent(payload)?.body]);
  expect(logs).toEqual(
    expect.arrayContaining([
      ['log/agent', 'reconcile.committed'],
      ['log/functions/echo', 'low on paper'],
    ]),
  );
  expect(logs.map(([, body]) => body)).not.toContain('chatter');
});

test('the relay carries it up, and settles: carrying it writes nothing that would have to be carried', async () => {
  await using root = await temporaryFolder();
  await using device = await openObserved(root.path, { level: 'debug', metrics: '1d' });
  const cloud = new FakeCloud();
  device.plane.attachUplink(cloud);
  device.logger.info('hello');
  const streamOf = () => device.plane.status().streams.observability;
  await eventually(() => cloud.rows('observability').length > 0 && streamOf()?.backlog === 0);
  const { lastSeq } = streamOf() ?? {};
  // Each round of feeding on itself would take a second.
  await new Promise((resolve) => setTimeout(resolve, 3500));
  expect(streamOf()).toMatchObject({ lastSeq, backlog: 0 });
});

test('a snapshot of the metrics is written at every interval and tells what ran', async () => {
  await using root = await temporaryFolder();
  {
    await using device = await openObserved(
      root.path,
      { metrics: '1s' },
      {
        streams: { out: { topics: ['out'], relay: {} } },
        functions: { echo: { on: [{ mqtt: 'in' }] }, bad: {} },
      },
    );
    await using sensor = await connectTo(device.plane.mqtt.port);
    await sensor.client.publishAsync('in', 'x', { qos: 1 });
    await sensor.client.publishAsync('out', 'y', { qos: 1 });
    const { signal } = new AbortController();
    await expect(device.plane.invoke('bad', null, { signal })).rejects.toThrow('no');
    await eventually(() => device.plane.status().functions.echo?.queued === 0);
    const { lastSeq = 0 } = device.plane.status().streams.observability ?? {};
    await eventually(() => (device.plane.status().streams.observability?.lastSeq ?? 0) > lastSeq + 1);
  }
  const snapshots = (await stored(root.path)).flatMap(({ topic, payload }) =>
    topic === 'metrics' ? [readMetricsEvent(payload)] : [],
  );
  expect(snapshots.length).toBeGreaterThan(0);
  const { metrics } = snapshots.at(-1) ?? {};
  const valueOf = (name: string, attributes: object) =>
    metrics?.[name]?.points.find((point) => JSON.stringify(point.attributes) === JSON.stringify(attributes));
  expect(valueOf('holdfast.stream.backlog', { stream: 'out', reader: 'cloud' })).toMatchObject({ value: 1 });
  expect(valueOf('holdfast.function.invocations', { function: 'echo', outcome: 'ok' })).toMatchObject({
    value: 1,
  });
  expect(valueOf('holdfast.function.duration', { function: 'echo' })).toMatchObject({ count: 1 });
  expect(valueOf('holdfast.mqtt.clients', {})).toMatchObject({ value: 1 });
  expect(metrics?.['process.memory.usage']).toMatchObject({ unit: 'By', kind: 'gauge' });
});

peerTest(['promtool'], 'promtool finds nothing to say about what the agent exposes', async () => {
  await using root = await temporaryFolder();
  const port = await freePort();
  await using device = await openObserved(
    root.path,
    { prometheus: { port } },
    { streams: { out: { topics: ['out'], relay: {} } }, functions: { echo: { on: [{ mqtt: 'in' }] } } },
  );
  device.plane.attachUplink(new FakeCloud());
  const { signal } = new AbortController();
  await device.plane.invoke('echo', null, { signal });
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const text = await answer.text();
  expect(text).toContain('holdfast_function_invocations_total{function="echo",outcome="ok"} 1\n');
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: text });
  expect({ status, said: `${stdout.toString()}${stderr.toString()}` }).toEqual({ status: 0, said: '' });
  expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(404);
  expect((await fetch(`http://127.0.0.1:${port}/metrics`, { method: 'POST' })).status).toBe(405);
});

test('a port for scrapers that another program has stops no generation, and moves with the manifest', async () => {
  await using root = await temporaryFolder();
  const squatter = createServer();
  const taken = await listenAt(squatter, { host: '127.0.0.1', port: 0 });
  await using device = await openObserved(root.path, { prometheus: { port: taken } });
  const port = await freePort();
  const machine = await machineWith({});
  const section = observabilitySchema.parse({ prometheus: { port } });
  await device.plane.configure({ ...machine, observability: section }, new Map());
  expect((await fetch(`http://127.0.0.1:${port}/metrics`)).status).toBe(200);
  await device.plane.configure({ ...machine, observability: observabilitySchema.parse({}) }, new Map());
  await expect(fetch(`http://127.0.0.1:${port}/metrics`)).rejects.toThrow('fetch failed');
  squatter.close();
});

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { DataPlane } from '../../agent/data-plane.ts';
import { FunctionRuntime } from '../../functions/index.ts';
import { silentLogger } from '../../lib/logger.ts';
import {
  FakeCloud,
  connectTo,
  eventually,
  machineWith,
  temporaryFolder,
  text,
} from '../support/data-plane.ts';
import { bundleOf } from '../support/function-sandbox.ts';

const counter = `export default {
  async message(event, env) {
    const n = ((await env.COUNT.get('n')) ?? 0) + 1;
    await env.COUNT.put('n', n);
    if (event.text() === 'crash' && n % 2 === 0) for (;;) {}
    await env.OUT.publish({ n, text: event.text() });
  },
  async invoke(payload, env) {
    return { n: await env.COUNT.get('n'), payload };
  },
};`;

test('[G6] real functions count exactly, a runaway attempt of theirs leaves no trace, and direct calls see the result', async () => {
  await using folder = await temporaryFolder();
  await using runtime = await FunctionRuntime.open({ logger: silentLogger, onLog: () => undefined });
  const mqtt = { host: '127.0.0.1', port: 0 };
  await using plane = await DataPlane.open({ root: folder.path, mqtt, runtime, logger: silentLogger });
  const limits = { timeout: '3s', cpu: '1s', memory: '64MiB' };
  const machine = await machineWith({
    streams: { out: { topics: ['out'], relay: {} } },
    functions: {
      counter: {
        on: [{ mqtt: 'in' }],
        bindings: { COUNT: { kv: 'counts' }, OUT: { publish: 'out' } },
        limits,
      },
    },
  });
  await plane.configure(machine, new Map([['counter', bundleOf(counter)]]));
  const cloud = new FakeCloud();
  plane.attachUplink(cloud);
  await using sensor = await connectTo(plane.mqtt.port);
  for (const payload of ['a', 'crash', 'b', 'c']) await sensor.client.publishAsync('in', payload, { qos: 1 });
  await eventually(() => plane.status().functions.counter?.queued === 0);
  expect(plane.status().functions.counter?.deadLetters).toBe(1);
  await eventually(() => plane.status().streams.out?.backlog === 0);
  const rows = cloud
    .rows('out')
    .map((row) => ('payload' in row ? (JSON.parse(text(row.payload)) as unknown) : row));
  expect(rows).toEqual([
    { n: 1, text: 'a' },
    { n: 2, text: 'b' },
    { n: 3, text: 'c' },
  ]);
  const signal = AbortSignal.timeout(30_000);
  expect(await plane.invoke('counter', 'now', { signal })).toEqual({ n: 3, payload: 'now' });
});

test('fifty new bundles under a stream of messages lose none and repeat none', async () => {
  await using folder = await temporaryFolder();
  await using runtime = await FunctionRuntime.open({ logger: silentLogger, onLog: () => undefined });
  const mqtt = { host: '127.0.0.1', port: 0 };
  await using plane = await DataPlane.open({ root: folder.path, mqtt, runtime, logger: silentLogger });
  const limits = { timeout: '30s', cpu: '5s', memory: '64MiB', concurrency: 8 };
  const machine = await machineWith({
    streams: { out: { topics: ['out'], relay: {} } },
    functions: { fn: { on: [{ mqtt: 'in' }], bindings: { OUT: { publish: 'out' } }, limits } },
  });
  const deploy = (version: number): Promise<void> => {
    const code = `export default { async message(event, env) {
      await env.OUT.publish({ version: ${version}, text: event.text() });
    } };`;
    return plane.configure(machine, new Map([['fn', bundleOf(code)]]));
  };
  await deploy(0);
  const cloud = new FakeCloud();
  plane.attachUplink(cloud);
  await using sensor = await connectTo(plane.mqtt.port);
  const sent: string[] = [];
  const done = new AbortController();
  const publishing = (async () => {
    while (!done.signal.aborted) {
      sent.push(String(sent.length));
      await sensor.client.publishAsync('in', String(sent.length - 1), { qos: 1 });
    }
  })();
  for (let version = 1; version <= 50; version++) await deploy(version);
  done.abort();
  await publishing;
  await eventually(() => plane.status().functions.fn?.queued === 0);
  await eventually(() => plane.status().streams.out?.backlog === 0);
  expect(plane.status().functions.fn?.deadLetters).toBe(0);
  const handled = cloud.rows('out').map((row) => {
    if (!('payload' in row)) throw new Error('a gap');
    return JSON.parse(text(row.payload)) as { version: number; text: string };
  });
  const ascending = (one: string, other: string): number => Number(one) - Number(other);
  expect(handled.map((message) => message.text).sort(ascending)).toEqual(sent);
  expect(new Set(handled.map(({ version }) => version)).size).toBeGreaterThan(5);
}, 120_000);

test('a module is told of files and gets messages of a queue in batches, with its acknowledgements heard', async () => {
  await using folder = await temporaryFolder();
  await using runtime = await FunctionRuntime.open({ logger: silentLogger, onLog: () => undefined });
  const mqtt = { host: '127.0.0.1', port: 0 };
  await using plane = await DataPlane.open({ root: folder.path, mqtt, runtime, logger: silentLogger });
  const limits = { timeout: '30s', cpu: '5s', memory: '64MiB' };
  const machine = await machineWith({
    volumes: { inbox: {} },
    functions: {
      reader: { on: [{ volume: 'inbox', path: '*.csv' }], bindings: { JOBS: { queue: 'jobs' } }, limits },
      worker: { on: [{ queue: 'jobs', batch: 5 }], bindings: { SEEN: { kv: 'seen' } }, limits },
    },
  });
  const bundles = new Map([
    [
      'reader',
      bundleOf(`export default { async file({ change, path, size }, env) {
        await env.JOBS.sendBatch([{ body: [change, path, size] }, { body: 'again' }]);
      } };`),
    ],
    [
      'worker',
      bundleOf(`export default {
        async queue(batch, env) {
          for (const message of batch.messages) {
            if (message.body === 'again' && message.attempts < 3) message.retry({ delaySeconds: 0.01 });
            else await env.SEEN.put(JSON.stringify(message.body), message.attempts);
          }
        },
        async invoke(_, env) {
          const names = await env.SEEN.list();
          return Promise.all(names.map(async (name) => [JSON.parse(name), await env.SEEN.get(name)]));
        },
      };`),
    ],
  ]);
  await plane.configure(machine, bundles);
  await writeFile(join(folder.path, 'volumes/inbox/a.csv'), '1,2\n');
  const signal = AbortSignal.timeout(60_000);
  const seen = async (): Promise<unknown> => plane.invoke('worker', null, { signal });
  await eventually(async () => ((await seen()) as unknown[]).length === 2);
  expect(await seen()).toEqual([
    ['again', 3],
    [['created', 'a.csv', 4], 1],
  ]);
}, 120_000);

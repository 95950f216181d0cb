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

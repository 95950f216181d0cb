import { expect, jest, test } from '@jest/globals';
import { createLogger, type LogEvent } from '../../lib/logger.ts';
import { LocalStore } from '../../agent/streams/local-store.ts';
import { silentLogger } from '../../lib/logger.ts';
import {
  bundlesOf,
  connectTo,
  eventually,
  machineWith,
  openDevice,
  temporaryFolder,
  text,
  type Handler,
  type Sections,
} from '../support/data-plane.ts';

jest.setTimeout(120_000);

const reading = (from: string, queue = 1000): Sections => ({
  streams: { s: { topics: ['in/#'], keep: { bytes: '1MiB' } } },
  functions: { reader: { on: [{ stream: 's', from }], limits: { queue } } },
});

function collector(): { readonly seen: string[]; readonly handlers: Record<string, Handler> } {
  const seen: string[] = [];
  const reader: Handler = (event) => {
    if (event.kind === 'message') seen.push(`${event.topic} ${text(event.payload)}`);
  };
  return { seen, handlers: { reader } };
}

test('a function reads a stream from its oldest or newest message on, in order, and goes on after a restart', async () => {
  await using folder = await temporaryFolder();
  const open = (sections: Sections, handlers = {}) => openDevice(sections, { root: folder.path, handlers });
  const publish = async (port: number, ...payloads: string[]) => {
    await using sensor = await connectTo(port);
    for (const payload of payloads) await sensor.client.publishAsync('in/a', payload, { qos: 1 });
  };
  {
    await using device = await open({ streams: reading('oldest').streams ?? {} });
    await publish(device.plane.mqtt.port, '1', '2');
  }
  {
    const { seen, handlers } = collector();
    await using device = await open(reading('oldest'), handlers);
    await publish(device.plane.mqtt.port, '3');
    await eventually(() => seen.length >= 3);
    expect(seen).toEqual(['in/a 1', 'in/a 2', 'in/a 3']);
    await eventually(() => device.plane.status().functions.reader?.queued === 0);
  }
  {
    const { seen, handlers } = collector();
    await using device = await open(reading('newest'), handlers);
    await publish(device.plane.mqtt.port, '4');
    await eventually(() => seen.length >= 1);
    expect(seen).toEqual(['in/a 4']);
  }
});

test('a new reader from the newest message on gets nothing of before', async () => {
  await using device = await openDevice({ streams: reading('newest').streams ?? {} }, collector());
  await using sensor = await connectTo(device.plane.mqtt.port);
  await sensor.client.publishAsync('in/a', 'before', { qos: 1 });
  const { seen, handlers } = collector();
  Object.assign(device.runtime.handlers, handlers);
  const machine = await machineWith(reading('newest'));
  await device.plane.configure(machine, bundlesOf(machine));
  await sensor.client.publishAsync('in/a', 'after', { qos: 1 });
  await eventually(() => seen.length >= 1);
  expect(seen).toEqual(['in/a after']);
});

test('no more is queued than the queue has room for, and everything comes', async () => {
  const seen: string[] = [];
  let most = 0;
  const reader: Handler = async (event) => {
    most = Math.max(most, device.plane.status().functions.reader?.queued ?? 0);
    await Promise.resolve();
    if (event.kind === 'message') seen.push(text(event.payload));
  };
  await using device = await openDevice(reading('oldest', 5), { handlers: { reader } });
  await using sensor = await connectTo(device.plane.mqtt.port);
  const payloads = Array.from({ length: 300 }, (_, index) => String(index));
  await Promise.all(payloads.map((payload) => sensor.client.publishAsync('in/a', payload, { qos: 1 })));
  await eventually(() => seen.length >= 300);
  expect(seen).toEqual(payloads);
  expect(most).toBeGreaterThan(0);
  expect(most).toBeLessThanOrEqual(5);
  expect(device.plane.status().functions.reader?.deadLetters).toBe(0);
});

test('a function that publishes into the stream that it reads is stopped after so many hops', async () => {
  let runs = 0;
  const reader: Handler = async (event, effects) => {
    runs++;
    if (event.kind === 'message')
      await effects.publish({ topic: 'in/again', payload: event.payload, qos: 1, retain: false });
  };
  const events: LogEvent[] = [];
  const logger = createLogger((event) => events.push(event));
  await using device = await openDevice(reading('oldest'), { handlers: { reader }, logger });
  await using sensor = await connectTo(device.plane.mqtt.port);
  await sensor.client.publishAsync('in/a', 'x', { qos: 1 });
  await eventually(() => events.some(({ event }) => event === 'function.stream.loop'));
  expect(runs).toBe(9);
});

test('what was dropped before a function had it is counted and skipped', async () => {
  await using folder = await temporaryFolder();
  const events: LogEvent[] = [];
  const logger = createLogger((event) => events.push(event));
  const { seen, handlers } = collector();
  const sections = reading('oldest');
  {
    await using device = await openDevice(sections, { root: folder.path, handlers });
    await device.plane.functions.pause('reader', 'test');
  }
  {
    // Twenty messages of 100 KiB through a stream of 1 MiB.
    await using store = await LocalStore.open({ root: folder.path, logger: silentLogger });
    store.setPolicies(
      new Map([['s', { maxBytes: 2 ** 20, relayed: false, consumers: ['function:reader'], keepRead: true }]]),
    );
    for (let index = 0; index < 20; index++)
      await store.commit([
        {
          ...{ op: 'append', stream: 's', time: index },
          message: { topic: `in/${index}`, payload: Buffer.alloc(100 * 1024, 'x') },
        },
      ]);
  }
  await using device = await openDevice(sections, { root: folder.path, handlers, logger });
  await device.plane.functions.resume('reader');
  await eventually(() => seen.at(-1)?.startsWith('in/19 ') ?? false);
  const gaps = events.filter(({ event }) => event === 'function.stream.gap');
  expect(gaps).toHaveLength(1);
  expect(Number(gaps[0]?.count) + seen.length).toBe(20);
});

test('the cursor of a function that is gone holds nothing any more', async () => {
  await using device = await openDevice(
    { streams: { s: { topics: ['in/#'] } }, functions: { reader: { on: [{ stream: 's' }] } } },
    collector(),
  );
  await using sensor = await connectTo(device.plane.mqtt.port);
  await device.plane.functions.pause('reader', 'test');
  const machine = await machineWith({ streams: { s: { topics: ['in/#'], relay: {} } } });
  await device.plane.configure(machine, bundlesOf(machine));
  await sensor.client.publishAsync('in/a', 'x', { qos: 1 });
  const root = device.root;
  await device.plane[Symbol.asyncDispose]();
  await using store = await LocalStore.open({ root, logger: silentLogger });
  expect(store.counts.consumers('s')).toEqual([]);
});

test('a compacted stream keeps the latest message of each key', async () => {
  const sections = {
    streams: { s: { topics: ['in/#'], compact: { key: '/id' } }, t: { topics: ['in/#'], compact: {} } },
  };
  await using device = await openDevice(sections);
  await using sensor = await connectTo(device.plane.mqtt.port);
  for (const id of ['a', 'b', 'a', 'a', 'b'])
    await sensor.client.publishAsync(`in/${id}`, JSON.stringify({ id }), { qos: 1 });
  await sensor.client.publishAsync('in/plain', 'no JSON', { qos: 1 });
  const machine = await machineWith(sections);
  await device.plane.configure(machine, bundlesOf(machine));
  await eventually(() => Object.values(device.plane.status().streams).every(({ bytes }) => bytes < 400));
  const root = device.root;
  await device.plane[Symbol.asyncDispose]();
  await using store = await LocalStore.open({ root, logger: silentLogger });
  for (const [stream, keys] of Object.entries({
    s: ['a', 'b', undefined],
    t: ['in/a', 'in/b', 'in/plain'],
  })) {
    const records = await store.records({ stream, after: 0, limit: 99, maxBytes: 9999 });
    expect(records.map((record) => (record.gap ? 'gap' : record.message.key))).toEqual(keys);
    expect(records.map(({ seq }) => seq)).toEqual([4, 5, 6]);
  }
});

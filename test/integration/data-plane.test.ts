import { expect, test } from '@jest/globals';
import {
  FakeCloud,
  bundlesOf,
  openDevice,
  connectTo,
  eventually,
  machineWith,
  text,
  type Handler,
} from '../support/data-plane.ts';

const telemetry = { telemetry: { topics: ['site/#'], relay: {} } };

test('a message of a client passes a function, lands in a stream and reaches the cloud', async () => {
  const toUpper: Handler = (event, effects) => {
    if (event.kind !== 'message') throw new Error('not a message');
    const payload = Buffer.from(text(event.payload).toUpperCase());
    return effects.publish({ topic: 'site/loud', payload, qos: 1, retain: false });
  };
  await using device = await openDevice(
    { streams: telemetry, functions: { upper: { on: [{ mqtt: 'in/+' }] } } },
    { handlers: { upper: toUpper } },
  );
  const cloud = new FakeCloud();
  device.plane.attachUplink(cloud);
  await using sensor = await connectTo(device.plane.mqtt.port);
  const heard: string[] = [];
  sensor.client.on('message', (topic, payload) => heard.push(`${topic} ${payload.toString()}`));
  await sensor.client.subscribeAsync('site/#', { qos: 1 });
  await sensor.client.publishAsync('in/a', 'one', { qos: 1 });
  await sensor.client.publishAsync('in/b', 'two', { qos: 1 });
  await eventually(() => cloud.rows('telemetry').length === 2 && heard.length === 2);
  expect(cloud.rows('telemetry').map((row) => ('payload' in row ? text(row.payload) : row))).toEqual([
    'ONE',
    'TWO',
  ]);
  expect(heard).toEqual(['site/loud ONE', 'site/loud TWO']);
  await eventually(() => device.plane.status().streams.telemetry?.backlog === 0);
  expect(device.plane.status().functions.upper).toMatchObject({ queued: 0, inFlight: 0, deadLetters: 0 });
  expect(device.plane.components()['functions.upper']?.state).toBe('running');
});

const publish = (topic: string, payload: string) => ({
  ...{ topic, payload: Buffer.from(payload), retain: false },
  qos: 1 as const,
});

class HostLost extends Error {
  readonly code = 'hostLost';
  readonly transient = true;
}
class NoHandler extends Error {
  readonly code = 'noHandler';
}

test('a failed attempt leaves no trace, and the event runs again until it succeeds, before those behind it', async () => {
  let attempts = 0;
  const seen: string[] = [];
  const flaky: Handler = async (event, effects) => {
    if (event.kind !== 'message') return;
    const n = Number(text(await effects.kvGet('counts', 'n')) || '0') + 1;
    await effects.kvPut('counts', 'n', Buffer.from(String(n)));
    await effects.publish(publish('site/n', `${n} ${text(event.payload)}`));
    if (text(event.payload) === 'bad' && ++attempts < 3) throw new Error('not yet');
    seen.push(text(event.payload));
  };
  await using device = await openDevice(
    { streams: telemetry, functions: { flaky: { on: [{ mqtt: 'in' }] } } },
    { handlers: { flaky } },
  );
  const cloud = new FakeCloud();
  device.plane.attachUplink(cloud);
  await using sensor = await connectTo(device.plane.mqtt.port);
  for (const payload of ['good', 'bad', 'last']) await sensor.client.publishAsync('in', payload, { qos: 1 });
  await eventually(() => cloud.rows('telemetry').length === 3);
  expect(seen).toEqual(['good', 'bad', 'last']);
  expect(attempts).toBe(3);
  expect(cloud.rows('telemetry').map((row) => ('payload' in row ? text(row.payload) : row))).toEqual([
    '1 good',
    '2 bad',
    '3 last',
  ]);
});

test('an event whose host was lost is delivered again as often as it takes', async () => {
  let calls = 0;
  const victim: Handler = () => {
    if (++calls < 6) throw new HostLost('killed beside another');
  };
  await using device = await openDevice(
    { functions: { victim: { on: [{ mqtt: 'in' }] } } },
    { handlers: { victim } },
  );
  await using sensor = await connectTo(device.plane.mqtt.port);
  await sensor.client.publishAsync('in', 'x', { qos: 1 });
  await eventually(() => device.plane.status().functions.victim?.queued === 0);
  expect(calls).toBe(6);
  expect(device.plane.status().functions.victim?.deadLetters).toBe(0);
});

test('an event that no repetition can help becomes a dead letter, and the next one runs', async () => {
  const picky: Handler = (event) => {
    if (event.kind === 'message' && text(event.payload) === 'bad') throw new NoHandler('none');
  };
  await using device = await openDevice(
    { functions: { picky: { on: [{ mqtt: 'in' }] } } },
    { handlers: { picky } },
  );
  await using sensor = await connectTo(device.plane.mqtt.port);
  for (const payload of ['bad', 'good']) await sensor.client.publishAsync('in', payload, { qos: 1 });
  await eventually(() => device.plane.status().functions.picky?.queued === 0);
  expect(device.plane.status().functions.picky).toMatchObject({ queued: 0, inFlight: 0, deadLetters: 1 });
});

test('a direct call returns the result after its effects are durable', async () => {
  const add: Handler = async (event, effects) => {
    const before = Number(text(await effects.kvGet('sums', 'total')) || '0');
    const total = before + Number(event.kind === 'invoke' ? event.payload : 0);
    await effects.kvPut('sums', 'total', Buffer.from(String(total)));
    return { total };
  };
  await using device = await openDevice({ functions: { add: {} } }, { handlers: { add } });
  const signal = AbortSignal.timeout(30_000);
  const results = await Promise.all([1, 2, 3, 4].map((n) => device.plane.invoke('add', n, { signal })));
  expect(results).toEqual([{ total: 1 }, { total: 3 }, { total: 6 }, { total: 10 }]);
  await expect(device.plane.invoke('nothing', 1, { signal })).rejects.toMatchObject({
    code: 'unknownFunction',
  });
});

test('functions that feed each other in a circle come to rest', async () => {
  let runs = 0;
  const echo: Handler = (event, effects) => {
    runs++;
    if (event.kind === 'message') return effects.publish(publish('ring/a', 'again'));
    return undefined;
  };
  await using device = await openDevice(
    { functions: { echo: { on: [{ mqtt: 'ring/#' }] } } },
    { handlers: { echo } },
  );
  await using sensor = await connectTo(device.plane.mqtt.port);
  await sensor.client.publishAsync('ring/a', 'go', { qos: 1 });
  await eventually(() => runs === 9 && device.plane.status().functions.echo?.queued === 0);
  const { promise, resolve } = Promise.withResolvers<undefined>();
  setTimeout(() => resolve(undefined), 50);
  await promise;
  expect(runs).toBe(9);
});

test('a cron trigger brings the function a scheduled event', async () => {
  const events: string[] = [];
  const tick: Handler = (event) => {
    if (event.kind === 'scheduled') events.push(event.cron);
  };
  await using device = await openDevice(
    { functions: { tick: { on: [{ cron: '* * * * * *' }] } } },
    { handlers: { tick } },
  );
  await eventually(() => events.length >= 2);
  expect(events[0]).toBe('* * * * * *');
  expect(device.plane.status().functions.tick?.deadLetters).toBe(0);
});

test('a full queue holds the publisher back until there is room, and nothing is lost', async () => {
  const gate = Promise.withResolvers<undefined>();
  const seen: string[] = [];
  const slow: Handler = async (event) => {
    await gate.promise;
    if (event.kind === 'message') seen.push(text(event.payload));
  };
  await using device = await openDevice(
    { functions: { slow: { on: [{ mqtt: 'in' }], limits: { queue: 3 } } } },
    { handlers: { slow } },
  );
  await using sensor = await connectTo(device.plane.mqtt.port);
  const acked: number[] = [];
  const all = Promise.all(
    [1, 2, 3, 4, 5, 6].map((n) =>
      sensor.client.publishAsync('in', String(n), { qos: 1 }).then(() => acked.push(n)),
    ),
  );
  await eventually(() => acked.length === 3);
  expect(device.plane.status().functions.slow?.queued).toBe(3);
  gate.resolve(undefined);
  await all;
  await eventually(() => seen.length === 6);
  expect(seen).toEqual(['1', '2', '3', '4', '5', '6']);
});

test('a new generation loads what changed, lets go of what went, and drops no event', async () => {
  await using device = await openDevice(
    { functions: { stays: { on: [{ mqtt: 'a' }] }, goes: { on: [{ mqtt: 'b' }] } } },
    { handlers: { stays: () => undefined, goes: () => new Promise(() => undefined) } },
  );
  const { plane, runtime } = device;
  await using sensor = await connectTo(plane.mqtt.port);
  expect(runtime.log).toEqual(['deploy stays', 'deploy goes']);
  const interruptible: Handler = (_event, _effects, signal) =>
    new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
  runtime.handlers.goes = interruptible;
  await sensor.client.publishAsync('b', 'kept', { qos: 1 });
  await eventually(() => plane.status().functions.goes?.inFlight === 1);

  const smaller = await machineWith({ functions: { stays: { on: [{ mqtt: 'a' }] } } });
  await plane.configure(smaller, bundlesOf(smaller));
  await plane.configure(smaller, bundlesOf(smaller));
  expect(runtime.log.slice(2)).toEqual(['remove goes']);
  expect(Object.keys(plane.status().functions)).toEqual(['stays']);

  const seen: string[] = [];
  runtime.handlers.goes = (event) => {
    if (event.kind === 'message') seen.push(text(event.payload));
  };
  const again = await machineWith({
    functions: { stays: { on: [{ mqtt: 'a' }] }, goes: { on: [{ mqtt: 'b' }] } },
  });
  await plane.configure(again, bundlesOf(again, '2'));
  await eventually(() => seen.length === 1);
  expect(seen).toEqual(['kept']);
});

test('a generation with a missing bundle or a wrong schedule is refused and changes nothing', async () => {
  await using device = await openDevice(
    { functions: { one: { on: [{ mqtt: 'a' }] } } },
    { handlers: { one: () => 1 } },
  );
  const wrong = await machineWith({ functions: { two: { on: [] } } });
  // No manifest says so: the schema refuses it earlier.
  wrong.functions.two?.on.push({ cron: '99 * * * *', missed: 'skip' });
  await expect(device.plane.configure(wrong, new Map())).rejects.toMatchObject({ code: 'notConfigured' });
  await expect(device.plane.configure(wrong, bundlesOf(wrong))).rejects.toMatchObject({ code: 'badInput' });
  expect(Object.keys(device.plane.status().functions)).toEqual(['one']);
  expect(await device.plane.invoke('one', null, { signal: AbortSignal.timeout(10_000) })).toBe(1);
});

import { expect, jest, test } from '@jest/globals';
import { openBoundDevice, type BoundDevice } from '../support/bound-device.ts';
import { connectTo, eventually } from '../support/data-plane.ts';

jest.setTimeout(120_000);

const guarded = {
  code: `
    async invoke(payload, env) { return env.KEY; },
    async message(event, env) { await env.SEEN.put(event.text(), env.KEY); },`,
  on: [{ mqtt: 'in' }],
  bindings: { KEY: { secret: 'weather-key' }, SEEN: { kv: 'seen' } },
};
const lister = {
  code: 'async invoke(payload, env) { return env.SEEN.list({ limit: 1000 }); }',
  bindings: { SEEN: { kv: 'seen' } },
};

const stateOf = ({ plane }: BoundDevice) => plane.components()['functions.guarded'];
const signalled = (device: BoundDevice, event: string) =>
  device.events.filter((logged) => logged.event === event).length;

test('a function without its secret does not hold up a generation: it waits, says so, and keeps its events', async () => {
  await using device = await openBoundDevice({ guarded, lister });
  expect(stateOf(device)).toMatchObject({
    state: 'waiting',
    message: expect.stringContaining('weather-key'),
  });
  await expect(device.invoke('guarded')).rejects.toMatchObject({
    code: 'secretMissing',
    hint: 'Set it on the device: holdfast secrets set weather-key.',
  });
  await using sensor = await connectTo(device.plane.mqtt.port);
  await sensor.client.publishAsync('in', 'early', { qos: 1 });
  await eventually(() => device.events.some(({ code }) => code === 'secretMissing'));
  await device.secrets.set('weather-key', 'sesame');
  await eventually(() => device.plane.status().functions.guarded?.queued === 0);
  expect(stateOf(device)?.state).toBe('running');
  expect(await device.invoke('guarded')).toBe('sesame');
  expect(await device.invoke('lister')).toEqual(['early']);
  expect(device.plane.status().functions.guarded?.deadLetters).toBe(0);
});

test('a secret that changes reaches its function without a lost event; one that is removed makes it wait', async () => {
  await using device = await openBoundDevice({ guarded, lister });
  await device.secrets.set('weather-key', 'v0');
  await eventually(() => signalled(device, 'function.reloaded') === 1);
  await using sensor = await connectTo(device.plane.mqtt.port);
  const count = 200;
  for (let n = 0; n < count; n++) {
    await sensor.client.publishAsync('in', String(n), { qos: 1 });
    if (n % 50 === 25) await device.secrets.set('weather-key', `v${n}`);
  }
  await eventually(() => device.plane.status().functions.guarded?.queued === 0);
  expect(await device.invoke('lister')).toHaveLength(count);
  await eventually(() => signalled(device, 'function.reloaded') === 5);
  expect(await device.invoke('guarded')).toBe('v175');
  await device.secrets.remove('weather-key');
  await eventually(() => stateOf(device)?.state === 'waiting');
});

test('a new value that the function cannot start with leaves the old version running, and says so', async () => {
  const picky = {
    code: `
      if (globalThis.process?.env.KEY === 'bad') throw new Error('bad key');
      export default { async invoke(payload, env) { return env.KEY; } };`,
    bindings: { KEY: { secret: 'weather-key' } },
  };
  await using device = await openBoundDevice({ lister });
  await device.secrets.set('weather-key', 'good');
  await device.configure({ guarded: picky });
  expect(await device.invoke('guarded')).toBe('good');
  await device.secrets.set('weather-key', 'bad');
  await eventually(() => stateOf(device)?.state === 'failed');
  expect(stateOf(device)?.message).toContain('bad key');
  expect(await device.invoke('guarded')).toBe('good');
  await device.secrets.set('weather-key', 'better');
  await eventually(() => stateOf(device)?.state === 'running');
  expect(await device.invoke('guarded')).toBe('better');
});

test('a bundle without the handler is refused while its secret is missing too, and the good one stays', async () => {
  await using device = await openBoundDevice({ lister });
  await device.configure({ guarded: { ...guarded, bindings: { SEEN: { kv: 'seen' } } } });
  const mistaken = { ...guarded, code: 'async scheduled() {},' };
  await expect(device.configure({ guarded: mistaken })).rejects.toMatchObject({ code: 'noHandler' });
  expect(stateOf(device)?.state).toBe('running');
});

test('a function whose top level wants the secret waits for it; one that does not start with it says why', async () => {
  const eager = {
    code: `
      if (process.env.KEY !== 'good') throw new Error('no good key: ' + process.env.KEY?.length);
      export default { async invoke(payload, env) { return env.KEY; } };`,
    bindings: { KEY: { secret: 'weather-key' } },
  };
  await using device = await openBoundDevice({ guarded: eager });
  await expect(device.invoke('guarded')).rejects.toMatchObject({ code: 'secretMissing' });
  await device.secrets.set('weather-key', 'bad');
  await eventually(() => stateOf(device)?.state === 'failed');
  await expect(device.invoke('guarded')).rejects.toMatchObject({
    code: 'badBundle',
    message: expect.stringContaining('no good key: 3'),
  });
  await device.secrets.set('weather-key', 'good');
  await eventually(() => stateOf(device)?.state === 'running');
  expect(await device.invoke('guarded')).toBe('good');
});

test('no log says what a secret is', async () => {
  await using device = await openBoundDevice({ guarded, lister });
  await device.secrets.set('weather-key', 'sesame-open');
  await eventually(() => signalled(device, 'function.reloaded') === 1);
  await device.invoke('guarded');
  expect(JSON.stringify(device.events)).not.toContain('sesame-open');
  expect(JSON.stringify([device.plane.status(), device.plane.components()])).not.toContain('sesame-open');
});

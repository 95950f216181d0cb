import { expect, jest, test } from '@jest/globals';
import { openBoundDevice } from '../support/bound-device.ts';
import { connectTo, eventually } from '../support/data-plane.ts';

jest.setTimeout(120_000);

const increment = `
  for (;;) {
    const n = await env.STORE.get('n');
    if (await env.STORE.put('n', (n ?? 0) + 1, { expected: n ?? null })) break;
  }`;
const counter = {
  code: `
    async invoke(payload, env) { ${increment} },
    async message(event, env) { ${increment} },
    async scheduled() {},`,
  on: [{ mqtt: 'count' }],
  bindings: { STORE: { kv: 'counts' } },
  limits: { concurrency: 50, queue: 1000 },
};
const reader = {
  code: `async invoke(key, env) { return (await env.STORE.get(key)) ?? null; }`,
  bindings: { STORE: { kv: 'counts' } },
};

test('fifty calls that count at the same time by conditional writes count fifty', async () => {
  await using device = await openBoundDevice({ counter, reader });
  await Promise.all(Array.from({ length: 50 }, () => device.invoke('counter')));
  expect(await device.invoke('reader', 'n')).toBe(50);
});

test('fifty messages that count at the same time by conditional writes count fifty, and none is a dead letter', async () => {
  await using device = await openBoundDevice({ counter, reader });
  await using sensor = await connectTo(device.plane.mqtt.port);
  await Promise.all(Array.from({ length: 50 }, () => sensor.client.publishAsync('count', '', { qos: 1 })));
  await eventually(() => device.plane.status().functions.counter?.queued === 0);
  expect(await device.invoke('reader', 'n')).toBe(50);
  expect(device.plane.status().functions.counter?.deadLetters).toBe(0);
});

test('a value with a time to live is gone after it, for this function and for others', async () => {
  let nowMs = Date.parse('2026-01-01T00:00:00Z');
  const writer = {
    code: `async invoke(payload, env) {
      await env.STORE.put('short', 1, { ttl: 60 });
      await env.STORE.put('until', 2, { expiration: ${nowMs / 1000 + 30} });
      await env.STORE.put('long', 3);
      return env.STORE.list();
    }`,
    bindings: { STORE: { kv: 'counts' } },
  };
  const lister = {
    code: 'async invoke(payload, env) { return env.STORE.list(); }',
    bindings: writer.bindings,
  };
  await using device = await openBoundDevice({ writer, lister }, () => new Date(nowMs));
  expect(await device.invoke('writer')).toEqual(['long', 'short', 'until']);
  nowMs += 30_000;
  expect(await device.invoke('lister')).toEqual(['long', 'short']);
  nowMs += 30_000;
  expect(await device.invoke('lister')).toEqual(['long']);
});

test('messages of a queue go to its function, and to the next one that takes the queue', async () => {
  const sender = {
    code: `async invoke(payload, env) {
      await env.Q.send('now');
      await env.Q.sendBatch([{ body: 'later', delaySeconds: 3600 }, { body: 'soon', delaySeconds: 3600 }]);
    }`,
    bindings: { Q: { queue: 'orders' } },
  };
  const taker = (prefix: string) => ({
    code: `async queue(batch, env) {
      for (const { body } of batch.messages) await env.SEEN.put('${prefix}/' + body, batch.queue);
    }`,
    on: [{ queue: 'orders' }],
    bindings: { SEEN: { kv: 'counts' } },
  });
  let nowMs = Date.now();
  const lister = {
    code: 'async invoke(payload, env) { return env.SEEN.list(); }',
    bindings: { SEEN: { kv: 'counts' } },
  };
  await using device = await openBoundDevice({ sender, old: taker('old'), lister }, () => new Date(nowMs));
  await device.invoke('sender');
  await eventually(() => device.plane.status().functions.old?.queued === 2);
  expect(await device.invoke('lister')).toEqual(['old/now']);
  await device.configure({ lister });
  await device.configure({ lister, new: taker('new') });
  expect(device.plane.status().functions.new?.queued).toBe(2);
  nowMs += 3_600_000;
  await device.configure({ lister, new: { ...taker('new'), retries: 3 } });
  await eventually(() => device.plane.status().functions.new?.queued === 0);
  expect(await device.invoke('lister')).toEqual(['new/later', 'new/soon', 'old/now']);
});

test('a function that stays but no more takes a queue gives its messages away, and handles none of them', async () => {
  const sender = {
    code: "async invoke(payload, env) { await env.Q.send('now'); await env.Q.send('later', { delaySeconds: 60 }); }",
    bindings: { Q: { queue: 'orders' } },
  };
  const taker = (name: string, more: object) => ({
    code: `
      async queue(batch, env) {
        if ('${name}' === 'a') throw new Error('not now');
        for (const { body } of batch.messages) await env.SEEN.put('${name}/' + body, 1);
      },
      async message() {},
      async invoke(payload, env) { return env.SEEN.list(); },`,
    bindings: { SEEN: { kv: 'counts' } },
    ...more,
  });
  let nowMs = Date.now();
  const functions = { sender, a: taker('a', { on: [{ queue: 'orders' }] }), b: taker('b', {}) };
  await using device = await openBoundDevice(functions, () => new Date(nowMs));
  await device.invoke('sender');
  await eventually(() => device.events.some(({ event }) => event === 'function.failed'));
  expect(device.plane.status().functions.a?.queued).toBe(2);
  await device.configure({
    a: taker('a', { on: [{ mqtt: 'other' }] }),
    b: taker('b', { on: [{ queue: 'orders' }] }),
  });
  nowMs += 120_000;
  await device.configure({
    a: taker('a', { on: [{ mqtt: 'others' }] }),
    b: taker('b', { on: [{ queue: 'orders' }], retries: 3 }),
  });
  const status = () => device.plane.status().functions;
  await eventually(() => status().b?.queued === 0);
  expect(await device.invoke('b')).toEqual(['b/later', 'b/now']);
  expect([status().a?.queued, status().a?.deadLetters]).toEqual([0, 0]);
});

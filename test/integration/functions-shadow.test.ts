import { expect, jest, test } from '@jest/globals';
import { openBoundDevice, type BoundDevice } from '../support/bound-device.ts';
import { connectTo, eventually } from '../support/data-plane.ts';

jest.setTimeout(120_000);

const bindings = { LAMP: { shadow: 'lamp' } };

/** A local client that hears all of `shadow/#`. */
async function listen({ plane }: BoundDevice) {
  const { client, ...rest } = await connectTo(plane.mqtt.port);
  const heard: { topic: string; body: Record<string, unknown> }[] = [];
  client.on('message', (topic, payload) =>
    heard.push({ topic, body: JSON.parse(payload.toString()) as Record<string, unknown> }),
  );
  await client.subscribeAsync('shadow/#', { qos: 1 });
  return {
    ...rest,
    heard,
    publish: (topic: string, body: object) => client.publishAsync(topic, JSON.stringify(body), { qos: 1 }),
    topics: () => heard.map(({ topic }) => topic),
  };
}

test('a function reads, changes and deletes a shadow, and reads its own changes before they are committed', async () => {
  const lamp = {
    code: `async invoke(payload, env) {
      const before = await env.LAMP.get();
      const updated = await env.LAMP.update({ desired: { on: true, level: 5 }, reported: { on: true } }, { clientToken: 't' });
      const read = await env.LAMP.get();
      await env.LAMP.delete({ version: 1 });
      return { before, updated, read, after: await env.LAMP.get() };
    }`,
    bindings,
  };
  await using device = await openBoundDevice({ lamp }, () => new Date(5000));
  const timestamp = 5;
  const document = {
    state: { desired: { on: true, level: 5 }, reported: { on: true }, delta: { level: 5 } },
    metadata: {
      desired: { on: { timestamp }, level: { timestamp } },
      reported: { on: { timestamp } },
    },
    version: 1,
    timestamp,
  };
  expect(await device.invoke('lamp')).toEqual({
    before: null,
    updated: { ...document, clientToken: 't' },
    read: document,
    after: null,
  });
});

test('a change is announced after the commit as for an MQTT client, and nothing of an invocation that fails', async () => {
  const lamp = {
    code: `async invoke(fails, env) {
      await env.LAMP.update({ desired: { level: 5 } }, { clientToken: 'mine' });
      if (fails) throw new Error('after all');
      return (await env.LAMP.get()).version;
    }`,
    bindings,
  };
  await using device = await openBoundDevice({ lamp });
  await using local = await listen(device);
  await expect(device.invoke('lamp', true)).rejects.toThrow('after all');
  expect(await device.invoke('lamp', false)).toBe(1);
  await eventually(() => local.heard.length === 3);
  expect(local.topics()).toEqual([
    'shadow/lamp/update/accepted',
    'shadow/lamp/update/delta',
    'shadow/lamp/update/documents',
  ]);
  expect(local.heard[1]?.body).toMatchObject({ state: { level: 5 }, version: 1, clientToken: 'mine' });
});

test('what AWS IoT refuses is thrown with its code, and the invocation goes on', async () => {
  const lamp = {
    code: `async invoke(payload, env) {
      const code = (call) => call.then(() => 'done', (error) => error.code);
      const deep = JSON.parse('{"a":'.repeat(9) + '1' + '}'.repeat(9));
      const codes = [
        await code(env.LAMP.delete()),
        await code(env.LAMP.update({ on: true })),
        await code(env.LAMP.update({ reported: deep })),
        await code(env.LAMP.update({ reported: { text: 'x'.repeat(31 * 1024) } })),
        await code(env.LAMP.update({ reported: { text: 'x'.repeat(70 * 1024) } })),
        await code(env.LAMP.update({ reported: { on: true } }, { version: 0 })),
        await code(env.LAMP.update({ reported: { on: false } }, { version: 0 })),
        await code(env.LAMP.delete({ version: 7 })),
      ];
      return { codes, state: (await env.LAMP.get()).state };
    }`,
    bindings,
  };
  await using device = await openBoundDevice({ lamp });
  expect(await device.invoke('lamp')).toEqual({
    codes: [404, 400, 400, 413, 413, 'done', 409, 409],
    state: { reported: { on: true } },
  });
});

test('a function that reacts to the delta reports what it did, and the delta is gone', async () => {
  const lamp = {
    code: `async message(event, env) {
      const { state } = event.json();
      await env.LAMP.update({ reported: state });
    }`,
    on: [{ mqtt: 'shadow/lamp/update/delta' }],
    bindings,
  };
  const reader = { code: 'async invoke(payload, env) { return env.LAMP.get(); }', bindings };
  await using device = await openBoundDevice({ lamp, reader });
  await using local = await listen(device);
  await local.publish('shadow/lamp/update', { state: { desired: { level: 5 } } });
  await eventually(() => local.topics().filter((topic) => topic.endsWith('/documents')).length === 2);
  expect(await device.invoke('reader')).toMatchObject({
    state: { desired: { level: 5 }, reported: { level: 5 } },
    version: 2,
  });
});

test('fifty messages that count in a shadow at the same time count fifty', async () => {
  const counter = {
    code: `async message(event, env) {
      const shadow = await env.LAMP.get();
      await env.LAMP.update({ reported: { n: (shadow?.state.reported.n ?? 0) + 1 } });
    }`,
    on: [{ mqtt: 'count' }],
    bindings,
    limits: { concurrency: 10, queue: 1000 },
  };
  const reader = { code: 'async invoke(payload, env) { return env.LAMP.get(); }', bindings };
  await using device = await openBoundDevice({ counter, reader });
  await using sensor = await connectTo(device.plane.mqtt.port);
  await Promise.all(Array.from({ length: 50 }, () => sensor.client.publishAsync('count', '', { qos: 1 })));
  await eventually(() => device.plane.status().functions.counter?.queued === 0);
  expect(await device.invoke('reader')).toMatchObject({ state: { reported: { n: 50 } }, version: 50 });
});

test('a request that a function publishes is answered as that of a client, in the same commit', async () => {
  const asker = {
    code: `async invoke(fails, env) {
      await env.ASK.publish({ state: { reported: { on: true } }, clientToken: 'a' }, { topic: 'shadow/lamp/update' });
      await env.ASK.publish({ clientToken: 'b' }, { topic: 'shadow/lamp/get' });
      await env.ASK.publish({ version: 9, clientToken: 'c' }, { topic: 'shadow/lamp/delete' });
      if (fails) throw new Error('after all');
    }`,
    bindings: { ASK: { publish: 'shadow/+/+' } },
  };
  await using device = await openBoundDevice({ asker });
  await using local = await listen(device);
  await expect(device.invoke('asker', true)).rejects.toThrow('after all');
  await device.invoke('asker', false);
  await eventually(() => local.topics().includes('shadow/lamp/delete/rejected'));
  expect(local.heard.map(({ topic, body }) => [topic, body.clientToken, body.code])).toEqual([
    ['shadow/lamp/update', 'a', undefined],
    ['shadow/lamp/update/accepted', 'a', undefined],
    ['shadow/lamp/update/documents', 'a', undefined],
    ['shadow/lamp/get', 'b', undefined],
    ['shadow/lamp/get/accepted', 'b', undefined],
    ['shadow/lamp/delete', 'c', undefined],
    ['shadow/lamp/delete/rejected', 'c', 409],
  ]);
});

test('a loop of a function and a shadow ends', async () => {
  const restless = {
    code: `async message(event, env) {
      const shadow = await env.LAMP.get();
      await env.LAMP.update({ desired: { n: shadow.version } });
    }`,
    on: [{ mqtt: 'shadow/lamp/update/delta' }],
    bindings,
  };
  const reader = { code: 'async invoke(payload, env) { return (await env.LAMP.get()).version; }', bindings };
  await using device = await openBoundDevice({ restless, reader });
  await using local = await listen(device);
  await local.publish('shadow/lamp/update', { state: { desired: { n: 0 } } });
  await eventually(async () => (await device.invoke('reader')) === 10);
  // The event that brought it there ends a moment later.
  await eventually(() => device.plane.status().functions.restless?.queued === 0);
  expect(await device.invoke('reader')).toBe(10);
  expect(device.plane.status().functions.restless).toMatchObject({ queued: 0, deadLetters: 0 });
});

test('what a function changes goes up to the cloud', async () => {
  const lamp = {
    code: `async invoke(on, env) { return (await env.LAMP.update({ reported: { on } })).version; }`,
    bindings,
  };
  await using device = await openBoundDevice({ lamp });
  const sent: { tail: string; body: { clientToken: string; state?: unknown } }[] = [];
  let answer: (tail: string, payload: Uint8Array) => void = () => undefined;
  device.plane.shadows.attach({
    connected: true,
    onConnectionChange: () => () => undefined,
    onShadowAnswer: (listener) => ((answer = listener), () => undefined),
    sendShadow: (tail, payload) => {
      const body = JSON.parse(payload) as { clientToken: string };
      sent.push({ tail, body });
      const { clientToken } = body;
      const listed = { shadows: [], timestamp: 1, clientToken };
      if (tail === 'list') setImmediate(() => answer('list/accepted', Buffer.from(JSON.stringify(listed))));
      return Promise.resolve();
    },
  });
  await eventually(() => sent.length === 1);
  expect(await device.invoke('lamp', true)).toBe(1);
  await eventually(() => sent.length === 2);
  expect(sent.map(({ tail, body }) => [tail, body.state])).toEqual([
    ['list', undefined],
    ['lamp/update', { reported: { on: true } }],
  ]);
});

import { describe, expect, jest, test } from '@jest/globals';
import { createTestEnvironment, type TestEnvironmentOptions } from '../../functions/sdk/testing/index.ts';
import * as everyBinding from '../support/every-binding.ts';
import { handler } from '../../examples/functions/orders-lambda/index.ts';

const bindings = {
  OUT: { publish: 'out/+' },
  STORE: { kv: 'store' },
  API: { fetch: ['https://api.example'] },
  KEY: { secret: 'api-key' },
  JOBS: { queue: 'jobs' },
  OTHER: { invoke: 'other' },
  LAMP: { shadow: 'lamp' },
};
const surroundings: TestEnvironmentOptions = {
  bindings,
  secrets: { 'api-key': 'hush' },
  fetch: async (request) =>
    new Response(`${request.headers.get('authorization') ?? ''} ${request.url} ${await request.text()}`, {
      status: 201,
    }),
  functions: { other: (payload) => ({ got: payload }) },
  now: new Date('2026-01-01T00:00:00Z'),
};

describe.each<[string, TestEnvironmentOptions]>([
  ['in the sandbox', { entry: 'test/support/every-binding.ts' }],
  ['in this process', { module: everyBinding }],
])('createTestEnvironment, %s', (_where, target) => {
  const open = () => createTestEnvironment({ ...surroundings, ...target });

  test('a message leaves its effects, and its values expire by the clock of the environment', async () => {
    await using device = await open();
    await device.message('in/x', { id: 'a' });
    expect(device.published.map((message) => [message.topic, message.contentType, message.json()])).toEqual([
      ['out/a', 'application/json', { id: 'a' }],
    ]);
    expect(device.kv('store').get('a')).toEqual({ topic: 'in/x', value: { id: 'a' } });
    device.advance(59_999);
    expect(device.kv('store').keys()).toEqual(['a']);
    device.advance(1);
    expect(device.kv('store').keys()).toEqual([]);
  });

  test('a handler that fails leaves none of its effects', async () => {
    await using device = await open();
    await expect(device.message('in/x', { id: 'bad' })).rejects.toThrow('bad is out of range');
    expect([device.published, device.kv('store').keys()]).toEqual([[], []]);
  });

  test('what is sent to a queue waits there, and a batch tells what to deliver again', async () => {
    await using device = await open();
    await device.scheduled('0 * * * *', new Date('2026-01-01T01:00:00Z'));
    expect(device.sent.map((message) => [message.queue, message.delayMs, message.json()])).toEqual([
      ['jobs', 5000, { cron: '0 * * * *', at: Date.parse('2026-01-01T01:00:00Z') }],
    ]);
    const { retry } = await device.queue('jobs', ['done', { id: 'two', body: 'again' }]);
    expect(retry).toEqual([{ id: 'two', delayMs: 3000 }]);
  });

  test('a request is answered, by way of a fetch that the test answers', async () => {
    await using device = await open();
    const response = await device.fetch('/path', { method: 'POST', body: 'body' });
    expect([response.status, response.headers.get('x-api'), response.headers.getSetCookie()]).toEqual([
      203,
      '201',
      ['a=1', 'b=2'],
    ]);
    expect(await response.text()).toBe('hush https://api.example/path body');
    expect(device.kv('store').get('last')).toBe('/path');
  });

  test('another function is called, and files are told', async () => {
    await using device = await open();
    device.kv('store').put('before', 1);
    await device.file({ volume: 'inbox', path: 'a.csv', change: 'deleted' });
    expect(await device.invoke({ n: 1 })).toEqual({ other: { got: { n: 1 } }, keys: ['a.csv', 'before'] });
  });

  test('a shadow is desired by the test and reported by the function', async () => {
    await using device = await open();
    expect(device.shadow('lamp').get()).toBeUndefined();
    device.shadow('lamp').update({ desired: { on: true } });
    const state = { desired: { on: true }, reported: { on: true } };
    expect(await device.invoke('shadow')).toEqual({ before: 1, state, version: 2, refused: 409 });
    expect(device.shadow('lamp').get()).toMatchObject({ state, version: 2 });
    expect(() => device.shadow('lamp').update({ desired: { list: [null] } })).toThrow(
      'The shadow lamp is not changed: State contains an invalid node',
    );
  });

  test('increments that race each other all count', async () => {
    await using device = await open();
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => device.invoke('cas')));
    expect(outcomes).toEqual([true, true, true, true, true]);
    expect(device.kv('store').get('n')).toBe(5);
  });

  test('what the manifest does not grant is denied, and what JSON cannot carry is refused', async () => {
    await using device = await open();
    await expect(device.invoke('denied')).rejects.toMatchObject({ code: 'denied' });
    await expect(device.invoke('unserialisable')).rejects.toThrow('JSON cannot carry');
  });

  test('a secret that is not given is missed by name', async () => {
    const opening = createTestEnvironment({ ...surroundings, ...target, secrets: {} }).then(
      async (device) => {
        await using _ = device;
        await device.invoke(1);
      },
    );
    await expect(opening).rejects.toMatchObject({
      code: 'secretMissing',
      message: expect.stringContaining('api-key'),
    });
  });
});

test('a Lambda handler runs in this process too', async () => {
  const machine = 'examples/functions/orders-lambda/machine.yaml';
  await using device = await createTestEnvironment({ module: { handler }, machine });
  const response = await device.fetch('/orders/check', { method: 'POST', body: '{}' });
  expect([response.status, await response.json()]).toEqual([
    422,
    { error: 'id: letters, digits and hyphens' },
  ]);
});

test('what a batch is told under waitUntil in this process counts', async () => {
  type Batch = { readonly messages: readonly { retry(): void }[] };
  const queue = (batch: Batch, _env: unknown, ctx: { waitUntil(work: Promise<void>): void }) =>
    ctx.waitUntil(new Promise((resolve) => setImmediate(resolve)).then(() => batch.messages[1]?.retry()));
  await using device = await createTestEnvironment({ module: { default: { queue } } });
  expect(await device.queue('jobs', ['one', { id: 'two', body: 'again' }])).toEqual({
    retry: [{ id: 'two' }],
  });
});

test('a response in this process comes whatever becomes of work under waitUntil', async () => {
  const shown = jest.spyOn(console, 'error').mockImplementation(() => undefined);
  const fetch = (_request: unknown, _env: unknown, ctx: { waitUntil(work: Promise<void>): void }) => {
    ctx.waitUntil(Promise.reject(new Error('no network')));
    return new Response('fine');
  };
  await using device = await createTestEnvironment({ module: { default: { fetch } } });
  expect(await (await device.fetch('/')).text()).toBe('fine');
  expect(shown).toHaveBeenCalledWith('Rejected under waitUntil:', new Error('no network'));
  shown.mockRestore();
});

test('an error of a handler in this process is the very error', async () => {
  const error = new Error('mine');
  const module = { default: { invoke: () => Promise.reject(error) } };
  await using device = await createTestEnvironment({ module });
  await expect(device.invoke()).rejects.toBe(error);
});

test('a module without a handler, and a function that the manifest does not have, are refused', async () => {
  await expect(createTestEnvironment({ module: { default: {} } })).rejects.toMatchObject({
    code: 'noHandler',
  });
  const machine = 'examples/functions/orders-lambda/machine.yaml';
  await expect(createTestEnvironment({ module: { handler }, machine, name: 'gone' })).rejects.toMatchObject({
    code: 'invalid',
    message: `${machine} has no function gone: it has orders-lambda`,
  });
});

describe('createTestEnvironment refuses', () => {
  const on = [{ mqtt: 'in/+' }, { http: '/notes/*' }, { queue: 'jobs' }];

  test.each<[string, object, RegExp]>([
    ['an option that it does not have', { secret: {} }, /no option secret$/],
    ['a machine file that is not there', { machine: 'gone.yaml' }, /machine file gone\.yaml: ENOENT/],
    ['a manifest that is wrong', { limits: { memory: 'much' } }, /limits\.memory: a whole number and a unit/],
    ['two manifests', { machine: 'machine.yaml', on }, /not both/],
  ])('%s', async (_what, options, message) => {
    await expect(createTestEnvironment({ module: everyBinding, ...options })).rejects.toMatchObject({
      code: 'badOptions',
      message: expect.stringMatching(message),
    });
  });

  test('a source that is wrong, without a place in this program', async () => {
    await expect(createTestEnvironment({ entry: 'gone/index.ts' })).rejects.toMatchObject({
      code: 'buildFailed',
      stack: 'FunctionError: Cannot build gone/index.ts: there is no such file',
    });
  });

  test('an event that no trigger takes', async () => {
    await using device = await createTestEnvironment({ ...surroundings, module: everyBinding, on });
    const untaken = [
      () => device.message('elsewhere/x', {}),
      () => device.fetch('/notebook'),
      () => device.queue('other', ['a']),
      () => device.file({ volume: 'inbox', path: 'a' }),
      () => device.scheduled(),
    ];
    for (const deliver of untaken) {
      await expect(deliver()).rejects.toMatchObject({
        code: 'noHandler',
        message: expect.stringMatching(/^No trigger of function function takes .*it has mqtt: in\/\+, http/),
      });
    }
    await device.message('in/x', { id: 'a' });
    expect(device.published).toHaveLength(1);
  });
});

import { describe, expect, test } from '@jest/globals';
import { errorCode, errorMessage } from '../../lib/error-code.ts';
import { functionSchema } from '../../manifests/function.ts';
import { bindingKinds, isOutsideCall, performCall } from './bindings.ts';
import type { BindingCall, CallContext } from './bindings/call.ts';
import { EgressMeter } from './bindings/egress-meter.ts';
import type { InvocationEffects, InvocationResult, OutboundResponse, OutsideEffects } from './ports.ts';

const { bindings } = functionSchema.parse({
  bundle: `a/b@sha256:${'0'.repeat(64)}`,
  bindings: {
    OUT: { publish: 'site/out' },
    ANY: { publish: 'site/+/t' },
    STORE: { kv: 'readings' },
    API: { fetch: ['https://api.example.com', 'http://127.0.0.1:8080'] },
    OTHER: { fetch: ['https://other.example.com'] },
    KEY: { secret: 'weather-key' },
    ORDERS: { queue: 'orders' },
    NEXT: { invoke: 'next' },
    LAMP: { shadow: 'lamp' },
  },
});

const response: OutboundResponse = {
  status: 201,
  headers: [['x-a', '1']],
  body: Buffer.from('hello'),
  url: 'https://api.example.com/x',
  redirected: true,
};
const result = { cpuMs: 0, egressBytes: 0, wallMs: 0, coldStart: false };

function recorder({
  depth = 0,
  egressBytes = 1000,
  failWith,
}: { depth?: number; egressBytes?: number; failWith?: Error } = {}) {
  const done: unknown[][] = [];
  const effects = {
    publish: (message) => void done.push(['publish', message.topic, message.qos, message.retain]),
    kvGet: (store, key) => (done.push(['get', store, key]), undefined),
    kvPut: (store, key, value, options) => {
      const expected = options?.expected;
      const asked = expected && String(Buffer.from(expected));
      done.push(['put', store, key, String(Buffer.from(value)), options?.expiresAt, asked]);
      return asked === undefined || asked === 'right';
    },
    queueSend: (queue, { body, contentType, delayMs }) =>
      void done.push(['send', queue, String(Buffer.from(body)), contentType, delayMs]),
    kvDelete: (store, key) => void done.push(['delete', store, key]),
    kvList: (store, { prefix, limit }) => (done.push(['list', store, prefix, limit]), []),
    shadowGet: (name) => (done.push(['shadowGet', name]), undefined),
    shadowUpdate: (name, request) => (
      done.push(['shadowUpdate', name, request]),
      { rejected: { code: 409, message: 'Version conflict' } }
    ),
    shadowDelete: (name, request) => (
      done.push(['shadowDelete', name, request]),
      { accepted: { version: 2, timestamp: 1 } }
    ),
  } satisfies InvocationEffects;
  const answer = <T>(value: T): Promise<T> =>
    failWith === undefined ? Promise.resolve(value) : Promise.reject(failWith);
  const outside = {
    fetch: (request) => (done.push(['fetch', request]), answer(response)),
    secret: () => Promise.resolve(undefined),
    invoke: (name, event, options) => {
      done.push(['invoke', name, event, options.depth]);
      return answer<InvocationResult>({ ...result, value: { n: 1 }, response });
    },
  } satisfies OutsideEffects;
  const { signal } = new AbortController();
  const egress = new EgressMeter(egressBytes);
  const context: CallContext = { effects, outside, depth, signal: () => signal, egress, now: () => 5000 };
  return { done, egress, context };
}

const call = (
  binding: string,
  method: string,
  args: unknown = {},
  body: Uint8Array | string = '',
): BindingCall => ({ binding, method, args, body: Buffer.from(body) });
const request = (url: string, more: object = {}) => ({ method: 'GET', url, headers: [], ...more });

describe('a publish binding', () => {
  test('of one topic needs no topic and publishes with QoS 1', async () => {
    const { done, context } = recorder();
    await performCall(bindings, call('OUT', 'publish'), context);
    await performCall(bindings, call('OUT', 'publish', { topic: 'site/out', qos: 0, retain: true }), context);
    expect(done).toEqual([
      ['publish', 'site/out', 1, false],
      ['publish', 'site/out', 0, true],
    ]);
  });

  test('of a filter needs a topic that matches it', async () => {
    const { done, context } = recorder();
    await performCall(bindings, call('ANY', 'publish', { topic: 'site/a/t' }), context);
    await expect(performCall(bindings, call('ANY', 'publish'), context)).rejects.toMatchObject({
      code: 'badCall',
    });
    expect(done).toEqual([['publish', 'site/a/t', 1, false]]);
  });
});

describe('a kv binding', () => {
  test('turns a time to live into a moment, or takes one', async () => {
    const { done, context } = recorder();
    await performCall(bindings, call('STORE', 'put', { key: 'a', ttlSeconds: 1.5 }, 'v'), context);
    await performCall(bindings, call('STORE', 'put', { key: 'a', expiresAt: 9000 }, 'v'), context);
    expect(done).toEqual([
      ['put', 'readings', 'a', 'v', 6500, undefined],
      ['put', 'readings', 'a', 'v', 9000, undefined],
    ]);
  });

  test('cuts what is expected off the body and tells whether it was there', async () => {
    const { done, context } = recorder();
    const put = (expectedBytes: number | null, body: string) =>
      performCall(bindings, call('STORE', 'put', { key: 'a', expectedBytes }, body), context);
    expect(await put(5, 'rightvalue')).toEqual({ json: true });
    expect(await put(5, 'wrongvalue')).toEqual({ json: false });
    expect(await put(null, 'value')).toEqual({ json: false });
    expect(await put(0, 'value')).toEqual({ json: false });
    expect(done.map(([, , , value, , expected]) => [value, expected])).toEqual([
      ['value', 'right'],
      ['value', 'wrong'],
      ['value', null],
      ['value', ''],
    ]);
  });
});

describe('a shadow binding', () => {
  test('reads, changes and deletes the one shadow it grants', async () => {
    const { done, context } = recorder();
    expect(await performCall(bindings, call('LAMP', 'get'), context)).toEqual({ json: null });
    const deleted = await performCall(bindings, call('LAMP', 'delete', {}, '{"version":1}'), context);
    expect(deleted).toEqual({ json: { accepted: { version: 2, timestamp: 1 } } });
    expect(done).toEqual([
      ['shadowGet', 'lamp'],
      ['shadowDelete', 'lamp', { version: 1 }],
    ]);
  });

  test('answers what is refused, by the shadow or before it', async () => {
    const { done, context } = recorder();
    const update = (body: string) => performCall(bindings, call('LAMP', 'update', {}, body), context);
    expect(await update('{"state":{"reported":{"on":true}},"version":1}')).toMatchObject({
      json: { rejected: { code: 409 } },
    });
    expect(await update('{"state":{"on":true}}')).toMatchObject({ json: { rejected: { code: 400 } } });
    expect(await update(' '.repeat(65 * 1024))).toMatchObject({ json: { rejected: { code: 413 } } });
    expect(done).toEqual([['shadowUpdate', 'lamp', { state: { reported: { on: true } }, version: 1 }]]);
  });

  test('has no other method and no arguments that name another shadow', async () => {
    const { done, context } = recorder();
    const list = performCall(bindings, call('LAMP', 'list'), context);
    await expect(list).rejects.toMatchObject({ code: 'denied' });
    const other = performCall(bindings, call('LAMP', 'get', { name: 'door' }), context);
    await expect(other).rejects.toMatchObject({ code: 'badCall' });
    expect(done).toEqual([]);
  });
});

describe('a queue binding', () => {
  test('sends one message, or several cut out of one body', async () => {
    const { done, context } = recorder();
    await performCall(bindings, call('ORDERS', 'send', { contentType: 'text/plain' }, 'one'), context);
    const messages = [{ size: 2 }, { size: 0 }, { size: 1, delaySeconds: 2.5 }];
    await performCall(bindings, call('ORDERS', 'sendBatch', { messages }, 'abc'), context);
    expect(done).toEqual([
      ['send', 'orders', 'one', 'text/plain', 0],
      ['send', 'orders', 'ab', undefined, 0],
      ['send', 'orders', '', undefined, 0],
      ['send', 'orders', 'c', undefined, 2500],
    ]);
  });
});

describe('a fetch binding', () => {
  test('asks only its own origins; the global fetch asks those of every grant', async () => {
    const { done, context } = recorder();
    const reply = await performCall(
      bindings,
      call('API', 'fetch', request('https://api.example.com/x#part', { method: 'post' }), 'body'),
      context,
    );
    const { status, headers, url, redirected, body } = response;
    expect(reply).toEqual({ json: { status, headers, url, redirected }, bytes: body });
    await performCall(bindings, call('', 'fetch', request('https://other.example.com')), context);
    expect(done).toMatchObject([
      [
        'fetch',
        {
          method: 'POST',
          url: 'https://api.example.com/x',
          redirect: 'follow',
          origins: ['https://api.example.com', 'http://127.0.0.1:8080'],
          body: Buffer.from('body'),
        },
      ],
      ['fetch', { url: 'https://other.example.com/', body: undefined }],
    ]);
  });

  test.each([
    ['another host', 'https://api.example.org'],
    ['another scheme', 'http://api.example.com'],
    ['another port', 'https://api.example.com:8443'],
    ['a host that begins like it', 'https://api.example.com.evil.example'],
    ['another port of an address', 'http://127.0.0.1:8081'],
    ['an origin of another binding', 'https://other.example.com'],
  ])('%s is denied', async (_, url) => {
    const { done, context } = recorder();
    const asked = performCall(bindings, call('API', 'fetch', request(url)), context);
    await expect(asked).rejects.toMatchObject({ code: 'denied' });
    expect(done).toEqual([]);
  });

  test.each([
    ['a file', request('file:///etc/passwd')],
    ['no address', request('api.example.com')],
    ['a user in the address', request('https://me:secret@api.example.com')],
    ['a line break in a header', request('https://api.example.com', { headers: [['x', 'a\r\ny: b']] })],
    ['a line break in a name', request('https://api.example.com', { headers: [['x\r\ny', 'a']] })],
    ['a space in a method', request('https://api.example.com', { method: 'GET /' })],
    ['a redirect mode nobody knows', request('https://api.example.com', { redirect: 'always' })],
  ])('%s is refused', async (_, args) => {
    const { done, context } = recorder();
    const asked = performCall(bindings, call('API', 'fetch', args), context);
    await expect(asked).rejects.toMatchObject({ code: 'badCall' });
    expect(done).toEqual([]);
  });

  test('ends when limits.egress is used up, which counts method, address, headers and body', async () => {
    const { done, egress, context } = recorder({ egressBytes: 150 });
    const send = (size: number) =>
      performCall(
        bindings,
        call(
          'API',
          'fetch',
          request('https://api.example.com/', { headers: [['a', 'b']] }),
          'x'.repeat(size),
        ),
        context,
      );
    await send(50);
    expect(egress.usedBytes).toBe('GET'.length + 'https://api.example.com/'.length + 'a: b\r\n'.length + 50);
    await expect(send(50)).rejects.toMatchObject({ code: 'badCall' });
    await send(10);
    expect(done).toHaveLength(2);
  });

  test('tells the function of a failure outside, and of an address that is denied on the way', async () => {
    const failing = async (failWith: Error) => {
      const { context } = recorder({ failWith });
      const asked = performCall(bindings, call('API', 'fetch', request('https://api.example.com')), context);
      return asked.then(
        () => 'nothing',
        (error: unknown) => `${errorCode(error)}: ${errorMessage(error)}`,
      );
    };
    const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    expect(await failing(refused)).toBe('callFailed: env.API.fetch failed: connect ECONNREFUSED');
    expect(await failing(Object.assign(new Error('10.0.0.1 is private'), { code: 'denied' }))).toMatch(
      /^denied/,
    );
  });
});

describe('an invoke binding', () => {
  test('runs the other function one level deeper and gives back what it returned', async () => {
    const { done, context } = recorder({ depth: 3 });
    expect(await performCall(bindings, call('NEXT', 'invoke', {}, '{"a":1}'), context)).toEqual({
      json: { n: 1 },
    });
    await performCall(bindings, call('NEXT', 'invoke'), context);
    expect(done).toEqual([
      ['invoke', 'next', { kind: 'invoke', payload: { a: 1 } }, 4],
      ['invoke', 'next', { kind: 'invoke', payload: undefined }, 4],
    ]);
  });

  test('gives a request to its fetch handler, of any origin: the name of the function is the authority', async () => {
    const { done, egress, context } = recorder();
    const reply = await performCall(
      bindings,
      call('NEXT', 'fetch', request('http://next/path', { headers: [['x', 'y']] }), 'body'),
      context,
    );
    expect(reply).toMatchObject({ json: { status: 201, url: 'http://next/path', redirected: false } });
    expect(done).toMatchObject([
      ['invoke', 'next', { kind: 'fetch', method: 'GET', url: 'http://next/path', headers: [['x', 'y']] }, 1],
    ]);
    expect(egress.usedBytes).toBe(0);
  });

  test('ends a chain of eight', async () => {
    const { done, context } = recorder({ depth: 8 });
    const asked = performCall(bindings, call('NEXT', 'invoke', {}, '1'), context);
    await expect(asked).rejects.toMatchObject({ code: 'tooDeep' });
    expect(done).toEqual([]);
  });

  test('refuses a payload that is not JSON', async () => {
    const { context } = recorder();
    const asked = performCall(bindings, call('NEXT', 'invoke', {}, '{'), context);
    await expect(asked).rejects.toMatchObject({ code: 'badCall' });
  });
});

test.each([
  ['another topic', 'OUT', 'publish', { topic: 'site/other' }],
  ['a topic outside the filter', 'ANY', 'publish', { topic: 'site/a/b/t' }],
  ['a binding that is not there', 'NONE', 'publish', {}],
  ['a name of the prototype', 'constructor', 'publish', {}],
  ['a method of another kind', 'OUT', 'get', { key: 'a' }],
  ['a method that is not there', 'STORE', 'clear', {}],
  ['a call of a secret', 'KEY', 'get', {}],
  ['a fetch by a binding that publishes', 'OUT', 'fetch', request('https://api.example.com')],
  ['reading a queue', 'ORDERS', 'receive', {}],
  ['another method of the global fetch', '', 'invoke', {}],
])('%s is denied', async (_what, binding, method, args) => {
  const { done, context } = recorder();
  const asked = performCall(bindings, call(binding, method, args), context);
  await expect(asked).rejects.toMatchObject({ code: 'denied' });
  expect(done).toEqual([]);
});

test.each([
  ['a wildcard in a topic', 'ANY', 'publish', { topic: 'site/+/t' }],
  ['a topic of the broker', 'ANY', 'publish', { topic: '$SYS/x' }],
  ['a key that is empty', 'STORE', 'put', { key: '' }],
  ['a key that is not text', 'STORE', 'get', { key: 7 }],
  ['a key with NUL', 'STORE', 'get', { key: 'a\0b' }],
  ['a key of 513 characters', 'STORE', 'get', { key: 'k'.repeat(513) }],
  ['a list without bound', 'STORE', 'list', { limit: 100_000 }],
  ['a time to live of nothing', 'STORE', 'put', { key: 'a', ttlSeconds: 0 }],
  ['two expiries', 'STORE', 'put', { key: 'a', ttlSeconds: 1, expiresAt: 1 }],
  ['more expected bytes than there are', 'STORE', 'put', { key: 'a', expectedBytes: 1 }],
  ['messages of another size than the body', 'ORDERS', 'sendBatch', { messages: [{ size: 1 }] }],
  ['an empty batch', 'ORDERS', 'sendBatch', { messages: [] }],
  ['a delay of a year', 'ORDERS', 'send', { delaySeconds: 366 * 86_400 }],
  ['an argument nobody knows', 'STORE', 'get', { key: 'a', store: 'other' }],
  ['arguments that are not there', 'STORE', 'get', undefined],
])('%s is refused', async (_what, binding, method, args) => {
  const { done, context } = recorder();
  const asked = performCall(bindings, { ...call(binding, method), args }, context);
  await expect(asked).rejects.toMatchObject({ code: 'badCall' });
  expect(done).toEqual([]);
});

test('a call carries at most 256 KiB, a fetch at most 4 MiB', async () => {
  const { context } = recorder({ egressBytes: 2 ** 30 });
  const large = Buffer.alloc(256 * 1024 + 1);
  const asked = request('https://api.example.com', { method: 'PUT' });
  for (const refused of [
    call('OUT', 'publish', {}, large),
    call('API', 'fetch', asked, Buffer.alloc(4 * 2 ** 20 + 1)),
  ])
    await expect(performCall(bindings, refused, context)).rejects.toMatchObject({ code: 'badCall' });
  await performCall(bindings, call('API', 'fetch', asked, large), context);
});

test('fetch and invoke happen at once, the rest in order', () => {
  const outside = [call('API', 'fetch'), call('', 'fetch'), call('NEXT', 'invoke'), call('NEXT', 'fetch')];
  expect(outside.map((asked) => isOutsideCall(bindings, asked))).toEqual([true, true, true, true]);
  const inside = [call('STORE', 'get'), call('ORDERS', 'send'), call('OUT', 'publish'), call('x', 'invoke')];
  expect(inside.map((asked) => isOutsideCall(bindings, asked))).toEqual([false, false, false, false]);
});

test('a binding that needs what is outside is refused by name where there is nothing outside', () => {
  const spec = functionSchema.parse({
    bundle: `a/b@sha256:${'0'.repeat(64)}`,
    bindings: { Q: { queue: 'q' }, KEY: { secret: 'weather-key' } },
  });
  expect(() => bindingKinds('f', spec.bindings, { outside: false })).toThrow('binding KEY is of kind secret');
  expect(bindingKinds('f', spec.bindings, { outside: true })).toEqual({ Q: 'queue', KEY: 'secret' });
});

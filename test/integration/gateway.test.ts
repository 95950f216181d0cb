import { expect, test } from '@jest/globals';
import { createLogger, type LogEvent } from '../../lib/logger.ts';
import { eventually, openDevice } from '../support/data-plane.ts';
import {
  type FetchEvent,
  plain,
  say,
  echo,
  seenIn,
  portOf,
  urlOf,
  oneFunction,
  Coded,
} from '../support/gateway.ts';
import { openRaw, send } from '../support/http.ts';

test('a request reaches the function of the longest matching route, and its answer comes back', async () => {
  await using device = await openDevice(
    {
      functions: {
        all: { on: [{ http: '/*' }] },
        shop: { on: [{ http: '/shop/*' }] },
        cart: { on: [{ http: '/shop/cart' }] },
      },
    },
    { handlers: { all: say('all'), shop: say('shop'), cart: say('cart') } },
  );
  const get = async (path: string): Promise<string> => (await send(urlOf(device, path))).text;
  expect(await get('/')).toBe('all');
  expect(await get('/shop')).toBe('shop');
  expect(await get('/shop/cart?a=1')).toBe('cart');
  expect(await get('/shop/cart/2')).toBe('shop');
  expect(await get('/shopping')).toBe('all');
  expect(await get('/shop/%63art')).toBe('cart');
  expect(await get('/x/../shop/cart')).toBe('cart');
  expect((await send(urlOf(device, '/shop%2Fcart'))).status).toBe(400);
  expect((await send(urlOf(device, '/x%2Fcart'))).status).toBe(200);
});

test('a function sees method, address, headers, body and route', async () => {
  await using device = await oneFunction(echo);
  const { status, headers, text } = await send(urlOf(device, '/a%20b?q=1&q=%C3%BC'), {
    method: 'POST',
    headers: { 'Content-Type': 'text/plain', 'X-Two': ['1', '2'], Connection: 'close, x-hop', 'X-Hop': 'no' },
    body: 'grüße',
  });
  expect(status).toBe(200);
  expect(headers['x-holdfast-invocation']).toMatch(/^[0-9a-f-]{36}$/);
  const seen = seenIn(text);
  expect(seen).toMatchObject({
    method: 'POST',
    url: urlOf(device, '/a%20b?q=1&q=%C3%BC'),
    route: '/*',
    body: 'grüße',
  });
  expect(seen.headers.filter(([name]) => name === 'x-two')).toEqual([
    ['x-two', '1'],
    ['x-two', '2'],
  ]);
  expect(seen.headers.map(([name]) => name)).not.toContain('x-hop');
});

test('bodies of every framing arrive whole, up to the limit and no further', async () => {
  await using device = await oneFunction((event) => plain(String((event as FetchEvent).body.byteLength)), {
    body: '100KiB',
  });
  const limit = 100 * 1024;
  const post = (bytes: number, headers = {}) =>
    send(urlOf(device), { method: 'POST', body: Buffer.alloc(bytes), headers });
  expect((await post(limit)).text).toBe(String(limit));
  expect((await post(limit, { 'transfer-encoding': 'chunked' })).text).toBe(String(limit));
  expect((await post(limit, { expect: '100-continue' })).text).toBe(String(limit));
  expect((await post(0)).text).toBe('0');
  for (const headers of [{}, { 'transfer-encoding': 'chunked' }]) {
    const refused = await post(limit + 1, headers);
    expect(refused).toMatchObject({ status: 413, headers: { 'content-type': 'application/problem+json' } });
  }
});

test('a body that says it is too large is refused before it is sent', async () => {
  await using device = await oneFunction(echo);
  using raw = await openRaw(portOf(device));
  raw.socket.write(
    'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\nExpect: 100-continue\r\n\r\n',
  );
  expect(await raw.closed).toMatch(/^HTTP\/1\.1 413 /);
  expect(raw.received()).not.toContain('100 Continue');
});

test('a method that is not declared is answered with those that are, and HEAD is served by GET', async () => {
  await using device = await oneFunction(echo, { methods: ['GET', 'POST'] });
  expect(await send(urlOf(device), { method: 'DELETE' })).toMatchObject({
    status: 405,
    headers: { allow: 'GET, POST, HEAD' },
  });
  const get = await send(urlOf(device));
  const head = await send(urlOf(device), { method: 'HEAD' });
  expect(head).toMatchObject({ status: 200, text: '' });
  // `HEAD` in place of `GET`, nothing else.
  expect(Number(head.headers['content-length'])).toBe(get.text.length + 1);
  await using any = await oneFunction(echo);
  expect((await send(urlOf(any), { method: 'PATCH' })).status).toBe(200);
  expect((await send(urlOf(any), { method: 'TRACE' })).status).toBe(405);
});

test('an answer keeps status, cookies and bytes; its length is the one it has', async () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, n) => n);
  await using device = await oneFunction((event) => {
    const path = new URL((event as FetchEvent).url).pathname;
    const headers: [string, string][] = [
      ['Set-Cookie', 'a=1'],
      ['set-cookie', 'b=2'],
      ['content-length', '7'],
      ['transfer-encoding', 'chunked'],
    ];
    return { status: Number(path.slice(1)), headers, body: bytes };
  });
  const made = await fetch(urlOf(device, '/201'));
  expect(made.status).toBe(201);
  expect(made.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
  expect(made.headers.get('content-length')).toBe('256');
  expect(await made.bytes()).toEqual(bytes);
  for (const status of [204, 304]) {
    const empty = await send(urlOf(device, `/${status}`));
    expect(empty).toMatchObject({ status, text: '' });
    expect(empty.headers['content-length']).toBeUndefined();
  }
  expect(await send(urlOf(device, '/205'))).toMatchObject({
    status: 205,
    text: '',
    headers: { 'content-length': '0' },
  });
  for (const status of [0, 101, 600])
    expect(await send(urlOf(device, `/${status}`))).toMatchObject({ status: 502 });
});

test.each([
  ['threw', 500],
  ['denied', 500],
  ['timeout', 504],
  ['queueFull', 503],
  ['crashLoop', 503],
  ['paused', 503],
  ['resultTooLarge', 502],
])(
  'a function that fails with %s answers %d with a problem document and nothing of the inside',
  async (code, status) => {
    await using device = await oneFunction(() => {
      throw new Coded(code);
    });
    const { headers, text, ...answer } = await send(urlOf(device));
    expect(answer.status).toBe(status);
    expect(headers).toMatchObject({
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
    });
    expect(JSON.parse(text)).toMatchObject({ status, code, invocation: headers['x-holdfast-invocation'] });
    expect(text).not.toContain('inside');
  },
);

test('what is not there is a problem document that lists nothing', async () => {
  await using device = await openDevice(
    { functions: { f: { on: [{ http: '/hidden' }] } } },
    { handlers: { f: say('hi') } },
  );
  const { status, text } = await send(urlOf(device, '/other'));
  expect(status).toBe(404);
  expect(text).not.toContain('hidden');
});

test('the effects of a request are durable before it is answered', async () => {
  await using device = await openDevice(
    { streams: { log: { topics: ['log/#'] } }, functions: { f: { on: [{ http: '/' }] } } },
    {
      handlers: {
        f: async (_event, effects) => {
          await effects.publish({ topic: 'log/a', payload: Buffer.from('x'), qos: 1, retain: false });
          return plain('stored');
        },
      },
    },
  );
  expect((await send(urlOf(device))).text).toBe('stored');
  expect(device.plane.status().streams.log?.lastSeq).toBe(1);
});

test('the log has a line for each request, with the route and no more of the address', async () => {
  const events: LogEvent[] = [];
  await using device = await openDevice(
    { functions: { f: { on: [{ http: '/users/*' }] } } },
    { handlers: { f: say('hi') }, logger: createLogger((event) => events.push(event)) },
  );
  await send(urlOf(device, '/users/alice?token=hunter2'), { method: 'PUT', body: 'four' });
  await send(urlOf(device, '/nowhere/alice'));
  await eventually(() => events.filter(({ event }) => event === 'gateway.request').length === 2);
  const [served, missing] = events.filter(({ event }) => event === 'gateway.request');
  expect(served).toMatchObject({
    ...{ method: 'PUT', route: '/users/*', function: 'f', status: 200, requestBytes: 4, responseBytes: 2 },
  });
  expect(missing).toMatchObject({ method: 'GET', status: 404, code: 'notFound' });
  expect(JSON.stringify(events)).not.toMatch(/hunter2|alice/);
});

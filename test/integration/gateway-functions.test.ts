import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { DataPlane } from '../../agent/data-plane.ts';
import { FunctionRuntime, buildBundle, readBundle, type FunctionBundle } from '../../functions/index.ts';
import type { FunctionLog } from '../../functions/index.ts';
import { createLogger, type LogEvent } from '../../lib/logger.ts';
import { machineWith, temporaryFolder } from '../support/data-plane.ts';
import { bundleOf } from '../support/function-sandbox.ts';
import { send, type HttpAnswer } from '../support/http.ts';

/** As the documentation of Hono writes an app for Workers. */
const shop = `
import { Hono } from 'hono';
import { setCookie } from 'hono/cookie';
const app = new Hono<{ Bindings: { CARTS: { get(key: string): Promise<unknown>; put(key: string, value: unknown): Promise<void> } } }>().basePath('/shop');
app.get('/', (c) => c.html('<h1>Shop</h1>'));
app.get('/items/:id', (c) => c.json({ id: c.req.param('id'), page: c.req.query('page') }));
app.put('/carts/:id', async (c) => { await c.env.CARTS.put(c.req.param('id'), await c.req.json()); setCookie(c, 'cart', c.req.param('id')); setCookie(c, 'seen', '1'); return c.body(null, 204); });
app.get('/carts/:id', async (c) => c.json(await c.env.CARTS.get(c.req.param('id'))));
app.get('/bytes', () => new Response(new Uint8Array([0, 128, 255]), { headers: { 'content-type': 'image/x-tiny' } }));
export default app;
`;

/** As the documentation of AWS writes a handler behind an HTTP API. */
const lambda = `
export const handler = async (event) => ({
  statusCode: 201,
  headers: { 'x-method': event.requestContext.http.method },
  cookies: ['a=1', 'b=2'],
  body: JSON.stringify({ path: event.rawPath, query: event.queryStringParameters, body: event.body }),
});
`;

const odd = `export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === '/odd/throws') { console.log('about to throw'); throw new Error('hunter2'); }
    if (pathname === '/odd/never') await new Promise(() => {});
    if (pathname === '/odd/large') return new Response('x'.repeat(100_000));
    if (pathname === '/odd/nothing') return undefined;
    return new Response(request.method + ' ' + (await request.text()).length);
  },
};`;

let resources: AsyncDisposableStack;
let url: string;
const logs: FunctionLog[] = [];
const events: LogEvent[] = [];

beforeAll(async () => {
  resources = new AsyncDisposableStack();
  const folder = resources.use(await temporaryFolder()).path;
  const logger = createLogger((event) => events.push(event));
  const runtime = resources.use(await FunctionRuntime.open({ logger, onLog: (entry) => logs.push(entry) }));
  const mqtt = { host: '127.0.0.1', port: 0 };
  const root = join(folder, 'device');
  await mkdir(root);
  const plane = resources.use(await DataPlane.open({ root, mqtt, runtime, logger }));
  const limits = { cpu: '10s', timeout: '30s', memory: '64MiB' };
  const machine = await machineWith({
    functions: {
      shop: { on: [{ http: '/shop/*' }], bindings: { CARTS: { kv: 'carts' } }, limits },
      lambda: { on: [{ http: '/lambda/*', methods: ['POST'] }], limits },
      odd: { on: [{ http: '/odd/*' }], limits: { ...limits, timeout: '2s', result: '64KiB' } },
    },
  });
  const bundles = new Map<string, FunctionBundle>([
    ['shop', await bundleFrom(join(folder, 'shop'), shop)],
    ['lambda', await bundleFrom(join(folder, 'lambda'), lambda)],
    ['odd', bundleOf(odd)],
  ]);
  await plane.configure(machine, bundles);
  url = `http://127.0.0.1:${plane.http?.port ?? 0}`;
}, 120_000);
afterAll(() => resources.disposeAsync(), 60_000);

async function bundleFrom(folder: string, source: string): Promise<FunctionBundle> {
  await mkdir(folder);
  await symlink(resolve('node_modules'), join(folder, 'node_modules'));
  const entry = join(folder, 'index.ts');
  await writeFile(entry, source);
  const built = await buildBundle({ entry, signal: new AbortController().signal });
  const readBlob = (digest: string) =>
    Promise.resolve(built.blobs.find((blob) => blob.digest === digest)!.bytes);
  return readBundle({ digest: built.digest, manifest: built.manifest, readBlob });
}

const problemOf = ({ text }: HttpAnswer) => JSON.parse(text) as { code: string; invocation: string };

test('a Hono app is served below its route', async () => {
  expect(await send(`${url}/shop`)).toMatchObject({
    ...{ status: 200, text: '<h1>Shop</h1>' },
    headers: { 'content-type': 'text/html; charset=UTF-8', 'content-length': '13' },
  });
  const item = await send(`${url}/shop/items/a%20b?page=2`);
  expect(JSON.parse(item.text)).toEqual({ id: 'a b', page: '2' });
  const headers = { 'content-type': 'application/json' };
  const put = await send(`${url}/shop/carts/7`, { method: 'PUT', headers, body: '{"items":["ü"]}' });
  expect(put).toMatchObject({ status: 204, text: '' });
  expect(put.headers['set-cookie']).toEqual(['cart=7; Path=/', 'seen=1; Path=/']);
  expect((await send(`${url}/shop/carts/7`)).text).toBe('{"items":["ü"]}');
  expect((await send(`${url}/shop/nothing`)).status).toBe(404);
  const bytes = await fetch(`${url}/shop/bytes`);
  expect(await bytes.bytes()).toEqual(Uint8Array.of(0, 128, 255));
  expect(await send(`${url}/shop`, { method: 'HEAD' })).toMatchObject({ status: 200, text: '' });
}, 60_000);

test('a Lambda handler gets the event of an HTTP API and answers in its way', async () => {
  const answer = await send(`${url}/lambda/x?q=1`, {
    method: 'POST',
    headers: { 'content-type': 'text/plain' },
    body: 'hello',
  });
  expect(answer).toMatchObject({
    status: 201,
    headers: { 'x-method': 'POST', 'set-cookie': ['a=1', 'b=2'] },
  });
  expect(JSON.parse(answer.text)).toEqual({ path: '/lambda/x', query: { q: '1' }, body: 'hello' });
  expect((await send(`${url}/lambda/x`)).status).toBe(405);
}, 60_000);

test('a function that throws is a 500 whose invocation leads to its logs', async () => {
  const answer = await send(`${url}/odd/throws`);
  expect(answer.status).toBe(500);
  expect(answer.text).not.toContain('hunter2');
  const { code, invocation } = problemOf(answer);
  expect(code).toBe('threw');
  expect(logs.find((entry) => entry.invocation === invocation)?.message).toBe('about to throw');
  const line = events.find((entry) => entry.event === 'gateway.request' && entry.invocation === invocation);
  expect(line).toMatchObject({ status: 500, code: 'threw', function: 'odd' });
}, 60_000);

test('one that never answers is a 504, one that answers too much a 502, one that answers nothing a 500', async () => {
  const answers = await Promise.all(['never', 'large', 'nothing'].map((path) => send(`${url}/odd/${path}`)));
  expect(answers.map((answer) => [answer.status, problemOf(answer).code])).toEqual([
    [504, 'timeout'],
    [502, 'resultTooLarge'],
    [500, 'threw'],
  ]);
}, 60_000);

test('bodies of a megabyte arrive, and one beside GET too', async () => {
  const body = 'x'.repeat(2 ** 20);
  expect((await send(`${url}/odd/size`, { method: 'POST', body })).text).toBe(`POST ${2 ** 20}`);
  const beside = await send(`${url}/odd/size`, { headers: { 'content-length': '3' }, body: 'abc' });
  expect(beside).toMatchObject({ status: 200, text: 'GET 3' });
}, 60_000);

import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { buildBundle, readBundle } from '../../functions/index.ts';
import { functionSchema } from '../../manifests/function.ts';
import { openSandbox, type Sandbox } from '../support/function-sandbox.ts';
import { ask } from '../support/shape-events.ts';

/** An app as the documentation of Hono writes it, for Workers; nothing in it knows of Holdfast. */
const source = `
import { Hono } from 'hono';
import { basicAuth } from 'hono/basic-auth';
import { deleteCookie, getCookie, getSignedCookie, setCookie, setSignedCookie } from 'hono/cookie';
import { cors } from 'hono/cors';
import { etag } from 'hono/etag';
import { HTTPException } from 'hono/http-exception';
import { jwt, sign } from 'hono/jwt';
import { logger } from 'hono/logger';
import { requestId } from 'hono/request-id';
import { secureHeaders } from 'hono/secure-headers';
import { stream, streamSSE, streamText } from 'hono/streaming';
import { html } from 'hono/html';
import { validator } from 'hono/validator';

type Env = { Bindings: { NOTES: { get(key: string): Promise<unknown>; put(key: string, value: unknown): Promise<void> } } };
const app = new Hono<Env>();
app.use('*', async (c, next) => { await next(); c.header('x-after', 'yes'); });
app.use(logger());
app.use(requestId());
app.use('/headers/*', cors(), secureHeaders(), etag());
app.use('/admin/*', basicAuth({ username: 'me', password: 'secret' }));
app.use('/token/*', jwt({ secret: 'shh', alg: 'HS256' }));
app.get('/', (c) => c.text('Hello Hono!'));
app.get('/json', (c) => c.json({ id: c.get('requestId').length, ua: c.req.header('user-agent') }, 201));
app.get('/html', (c) => c.html(html\`<p>\${c.req.query('q') ?? ''}</p>\`));
app.get('/users/:id{[0-9]+}/posts/:post?', (c) => c.json(c.req.param()));
app.all('/many', (c) => c.json({ method: c.req.method, tags: c.req.queries('tag') }));
app.post('/echo', async (c) => c.json(await c.req.json()));
app.post('/form', async (c) => { const body = await c.req.parseBody({ all: true }); return c.json(Object.fromEntries(Object.entries(body).map(([k, v]) => [k, v instanceof File ? [v.name, v.size] : v]))); });
app.post('/valid', validator('json', (value, c) => typeof value.name === 'string' ? { name: value.name } : c.text('Invalid!', 400)), (c) => c.text('Hi ' + c.req.valid('json').name));
app.get('/cookies', async (c) => {
  setCookie(c, 'plain', 'v 1', { httpOnly: true, maxAge: 60, path: '/' });
  await setSignedCookie(c, 'signed', 'x', 'key');
  deleteCookie(c, 'old');
  return c.json({ got: getCookie(c), signed: await getSignedCookie(c, 'key', 'sent') });
});
app.get('/headers/x', (c) => c.text('tagged'));
app.get('/admin/x', (c) => c.text('in'));
app.get('/new-token', async (c) => c.text(await sign({ who: 'me' }, 'shh')));
app.get('/token/who', (c) => c.json(c.get('jwtPayload')));
app.get('/stream', (c) => streamText(c, async (s) => { for (const part of ['a', 'b', 'c']) { await s.writeln(part); await s.sleep(1); } }));
app.get('/raw', (c) => stream(c, async (s) => { await s.write(new Uint8Array([1, 2])); await s.pipe(new Response('piped').body!); }));
app.get('/events', (c) => streamSSE(c, async (s) => { await s.writeSSE({ data: 'one', event: 'tick', id: '1' }); }));
app.get('/redirect', (c) => c.redirect('/json'));
app.get('/bytes', (c) => c.body(new Uint8Array([0, 255]).buffer, 200, { 'content-type': 'application/x-bytes' }));
app.put('/notes/:key', async (c) => { await c.env.NOTES.put(c.req.param('key'), await c.req.text()); return c.body(null, 204); });
app.get('/notes/:key', async (c) => { const note = await c.env.NOTES.get(c.req.param('key')); return note === undefined ? c.notFound() : c.text(note as string); });
app.get('/later', (c) => { c.executionCtx.waitUntil(c.env.NOTES.put('later', 'done')); return c.text('ok'); });
app.get('/own', async (c) => c.text('via ' + await (await app.request('/', {}, c.env, c.executionCtx)).text()));
app.get('/throws', () => { throw new Error('broken'); });
app.get('/teapot', () => { throw new HTTPException(418, { message: 'short and stout' }); });
app.route('/sub', new Hono().get('/page', (c) => c.text('sub page')));
app.notFound((c) => c.text('nothing at ' + c.req.path, 404));
app.onError((error, c) => error instanceof HTTPException ? error.getResponse() : c.text('caught ' + error.message, 500));
export default app;
`;

let sandbox: Sandbox;
let folder: string;

beforeAll(async () => {
  sandbox = await openSandbox();
  folder = await mkdtemp(join(tmpdir(), 'holdfast-hono-'));
  await symlink(resolve('node_modules'), join(folder, 'node_modules'));
  const entry = join(folder, 'index.ts');
  await writeFile(entry, source);
  const built = await buildBundle({ entry, signal: new AbortController().signal });
  const readBlob = (digest: string) =>
    Promise.resolve(built.blobs.find((blob) => blob.digest === digest)!.bytes);
  const bundle = await readBundle({ ...built, readBlob });
  const spec = functionSchema.parse({
    bundle: `test/hono@${built.digest}`,
    on: [{ http: '/*' }],
    bindings: { NOTES: { kv: 'notes' } },
    limits: { memory: '64MiB', cpu: '10s', timeout: '30s' },
  });
  await sandbox.runtime.deploy({ name: 'hono', bundle, spec });
});
afterAll(async () => {
  await sandbox[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const hono = (path: string, asked: Parameters<typeof ask>[3] = {}) => ask(sandbox, 'hono', path, asked);
const json = { 'content-type': 'application/json' };

test.each<[string, Parameters<typeof ask>[3], number, string]>([
  ['/', {}, 200, 'Hello Hono!'],
  ['/json', { headers: { 'User-Agent': 'me' } }, 201, '{"id":36,"ua":"me"}'],
  ['/html?q=%3Cb%3E', {}, 200, '<p>&lt;b&gt;</p>'],
  ['/users/7/posts/x', {}, 200, '{"post":"x","id":"7"}'],
  ['/users/x/posts', {}, 404, 'nothing at /users/x/posts'],
  ['/many?tag=a&tag=b', { method: 'PATCH' }, 200, '{"method":"PATCH","tags":["a","b"]}'],
  ['/echo', { method: 'POST', headers: json, body: '{"ü":[1]}' }, 200, '{"ü":[1]}'],
  ['/valid', { method: 'POST', headers: json, body: '{"name":"Ada"}' }, 200, 'Hi Ada'],
  ['/valid', { method: 'POST', headers: json, body: '{}' }, 400, 'Invalid!'],
  ['/admin/x', {}, 401, 'Unauthorized'],
  ['/admin/x', { headers: { authorization: `Basic ${btoa('me:secret')}` } }, 200, 'in'],
  ['/token/who', {}, 401, 'Unauthorized'],
  ['/stream', {}, 200, 'a\nb\nc\n'],
  ['/raw', {}, 200, '\u0001\u0002piped'],
  ['/events', {}, 200, 'event: tick\ndata: one\nid: 1\n\n'],
  ['/redirect', {}, 302, ''],
  ['/own', {}, 200, 'via Hello Hono!'],
  ['/throws', {}, 500, 'caught broken'],
  ['/teapot', {}, 418, 'short and stout'],
  ['/sub/page', {}, 200, 'sub page'],
  ['/nowhere', { method: 'DELETE' }, 404, 'nothing at /nowhere'],
])('a Hono app runs unmodified: %s %j', async (path, asked, status, text) => {
  expect(await hono(path, asked)).toMatchObject({ status, text, headers: { 'x-after': 'yes' } });
});

test('its cookies, signed ones too', async () => {
  const { headers, text } = await hono('/cookies', { headers: { cookie: 'a=1; b=2' } });
  expect(JSON.parse(text)).toEqual({ got: { a: '1', b: '2' } });
  const [plain, signed, gone] = headers['set-cookie'] as string[];
  expect([plain, gone]).toEqual(['plain=v%201; Max-Age=60; Path=/; HttpOnly', 'old=; Max-Age=0; Path=/']);
  const sent = `sent=${/^signed=([^;]*)/.exec(signed!)![1]!}`;
  expect(JSON.parse((await hono('/cookies', { headers: { cookie: sent } })).text)).toMatchObject({
    signed: 'x',
  });
});

test('its tokens, tags, CORS and security headers', async () => {
  const token = (await hono('/new-token')).text;
  const headers = { authorization: `Bearer ${token}` };
  expect(JSON.parse((await hono('/token/who', { headers })).text)).toEqual({ who: 'me' });
  const tagged = await hono('/headers/x');
  expect(tagged.headers).toMatchObject({
    'access-control-allow-origin': '*',
    'x-content-type-options': 'nosniff',
    etag: expect.stringMatching(/^"[0-9a-f]{40}"$/) as never,
  });
  const again = await hono('/headers/x', { headers: { 'if-none-match': tagged.headers.etag as string } });
  expect(again).toMatchObject({ status: 304, text: '' });
});

test('its forms with files, its bytes, and its bindings', async () => {
  const form = new FormData();
  form.append('tag', 'a');
  form.append('tag', 'b');
  form.append('file', new File(['12345'], 'n.txt'));
  const request = new Request('http://x', { method: 'POST', body: form });
  const headers = { 'content-type': request.headers.get('content-type')! };
  const posted = await hono('/form', { method: 'POST', headers, body: await request.bytes() });
  expect(JSON.parse(posted.text)).toEqual({ tag: ['a', 'b'], file: ['n.txt', 5] });
  const { bytes, headers: answered } = await hono('/bytes');
  expect([[...bytes], answered['content-type']]).toEqual([[0, 255], 'application/x-bytes']);
  expect((await hono('/notes/a')).status).toBe(404);
  expect((await hono('/notes/a', { method: 'PUT', body: 'remember' })).status).toBe(204);
  expect((await hono('/notes/a')).text).toBe('remember');
  await hono('/later');
  expect((await hono('/notes/later')).text).toBe('done');
  expect(sandbox.logs.map(({ message }) => message)).toContain('<-- GET /bytes');
});

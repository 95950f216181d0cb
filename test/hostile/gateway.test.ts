import { expect, test } from '@jest/globals';
import { eventually } from '../support/data-plane.ts';
import { echo, oneFunction, plain, portOf, say, urlOf } from '../support/gateway.ts';
import { openRaw, send } from '../support/http.ts';

const host = 'Host: localhost\r\n';

/** The head of what comes back for bytes on a connection of their own. */
async function answerTo(port: number, bytes: string): Promise<string> {
  using raw = await openRaw(port);
  raw.socket.write(bytes, 'latin1');
  await eventually(() => raw.received().includes('\r\n\r\n') || raw.socket.destroyed);
  return raw.received();
}

test.each([
  ['no HTTP at all', '\x16\x03\x01\x00\xa5\x01\x00', 400],
  ['a request line without an end', `GET /${'a'.repeat(20_000)}`, 431],
  ['no Host header', 'GET / HTTP/1.1\r\n\r\n', 400],
  ['two Host headers', `GET / HTTP/1.1\r\n${host}Host: evil\r\n\r\n`, 400],
  ['a Host with a path', 'GET / HTTP/1.1\r\nHost: localhost/x\r\n\r\n', 400],
  ['a Host with a password', 'GET / HTTP/1.1\r\nHost: a:b@localhost\r\n\r\n', 400],
  ['an empty Host', 'GET / HTTP/1.1\r\nHost:\r\n\r\n', 400],
  ['two lengths', `POST / HTTP/1.1\r\n${host}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`, 400],
  [
    'a length and chunks',
    `POST / HTTP/1.1\r\n${host}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
  ],
  ['a length that is no number', `POST / HTTP/1.1\r\n${host}Content-Length: 1e3\r\n\r\n`, 400],
  ['a length below zero', `POST / HTTP/1.1\r\n${host}Content-Length: -1\r\n\r\n`, 400],
  [
    'a length beyond every number',
    `POST / HTTP/1.1\r\n${host}Content-Length: 99999999999999999999999\r\n\r\n`,
    400,
  ],
  ['an encoding that is not known', `POST / HTTP/1.1\r\n${host}Transfer-Encoding: gzip\r\n\r\n`, 400],
  ['a chunk that is no number', `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\nxyz\r\n`, 400],
  ['a folded header', `GET / HTTP/1.1\r\n${host}X: a\r\n b\r\n\r\n`, 400],
  ['a bare line feed', `GET / HTTP/1.1\nHost: localhost\nX: a\r\n\r\n`, 400],
  ['a NUL in a header', `GET / HTTP/1.1\r\n${host}X: a\0b\r\n\r\n`, 400],
  ['a space before the colon', `GET / HTTP/1.1\r\n${host}X : a\r\n\r\n`, 400],
  ['headers without an end', `GET / HTTP/1.1\r\n${host}X: ${'a'.repeat(20_000)}`, 431],
  ['too many headers', `GET / HTTP/1.1\r\n${host}${'x: 1\r\n'.repeat(120)}\r\n`, 431],
  ['a URL that is too long', `GET /${'a'.repeat(9000)} HTTP/1.1\r\n${host}\r\n`, 414],
  ['an expectation that is not known', `GET / HTTP/1.1\r\n${host}Expect: more\r\n\r\n`, 417],
  ['a path that is no UTF-8', `GET /%ff HTTP/1.1\r\n${host}\r\n`, 400],
  ['a way up behind escapes', `GET /a/..%2fb HTTP/1.1\r\n${host}\r\n`, 400],
  ['a scheme of its own', `GET file:///etc/passwd HTTP/1.1\r\n${host}\r\n`, 400],
  ['a foreign address before a local Host', `GET http://evil.example/ HTTP/1.1\r\n${host}\r\n`, 403],
])('%s is refused, and the next request is served', async (_what, bytes, status) => {
  let calls = 0;
  await using device = await oneFunction(() => plain(String(++calls)));
  expect(await answerTo(portOf(device), bytes)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect((await send(urlOf(device))).text).toBe('1');
});

test('forms of a request that are unusual and right are served', async () => {
  await using device = await oneFunction(echo);
  const port = portOf(device);
  for (const bytes of [
    `GET /old HTTP/1.0\r\n\r\n`,
    `GET http://localhost:${port}/absolute HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
    `GET /up HTTP/1.1\r\n${host}Connection: upgrade, close\r\nUpgrade: websocket\r\n\r\n`,
    `POST /ext HTTP/1.1\r\n${host}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\nx\r\n0\r\nT: 1\r\n\r\n`,
  ])
    expect(await answerTo(port, bytes)).toMatch(/^HTTP\/1.1 200 /);
});

test('requests in a row on one connection are answered in their order', async () => {
  await using device = await oneFunction(echo, {}, { limits: { concurrency: 4 } });
  const one = (path: string, more = '') => `GET ${path} HTTP/1.1\r\n${host}${more}\r\n`;
  using raw = await openRaw(portOf(device));
  raw.socket.write(one('/1') + one('/2') + one('/3', 'Connection: close\r\n'));
  const text = await raw.closed;
  expect([...text.matchAll(/localhost\/([0-9])/g)].map(([, path]) => path)).toEqual(['1', '2', '3']);
});

test('connections that never say what they want are closed, and others are served meanwhile', async () => {
  await using device = await oneFunction(say('hi'));
  const port = portOf(device);
  const stuck = await Promise.all(Array.from({ length: 50 }, () => openRaw(port)));
  for (const { socket } of stuck) socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ');
  const drip = setInterval(() => stuck.forEach(({ socket }) => socket.write('a')), 500);
  expect((await send(urlOf(device))).text).toBe('hi');
  const answers = await Promise.all(stuck.map(({ closed }) => closed));
  clearInterval(drip);
  for (const answer of answers) expect(answer).toMatch(/^HTTP\/1.1 408 /);
  expect(device.plane.status().http?.inFlight).toBe(0);
}, 60_000);

test('bodies that never end take no more memory together than the gateway lends', async () => {
  await using device = await oneFunction(say('hi'), { body: '4MiB' });
  const port = portOf(device);
  const size = 4 * 2 ** 20;
  const half = Buffer.alloc(size - 1);
  const open = await Promise.all(Array.from({ length: 12 }, () => openRaw(port)));
  for (const { socket } of open) {
    socket.write(`POST / HTTP/1.1\r\n${host}Content-Length: ${size}\r\n\r\n`);
    socket.write(half);
  }
  // Eight of them fill what is lent.
  await eventually(() => open.filter(({ received }) => received().startsWith('HTTP/1.1 503 ')).length >= 4);
  expect((await send(urlOf(device))).text).toBe('hi');
  for (const raw of open) raw[Symbol.dispose]();
  await eventually(() => device.plane.status().http?.inFlight === 0);
  expect((await send(urlOf(device), { method: 'POST', body: Buffer.alloc(size) })).text).toBe('hi');
}, 60_000);

test('a body that goes on after its refusal is cut off', async () => {
  await using device = await oneFunction(say('hi'), { body: '1KiB' });
  using raw = await openRaw(portOf(device));
  raw.socket.write(`POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n`);
  const chunk = `10000\r\n${'a'.repeat(2 ** 16)}\r\n`;
  const pump = setInterval(() => raw.socket.write(chunk), 1);
  const answer = await raw.closed;
  clearInterval(pump);
  expect(answer).toMatch(/^HTTP\/1.1 413 /);
}, 30_000);

test('a caller that does not read holds no other one up', async () => {
  const large = Buffer.alloc(4 * 2 ** 20, 'x');
  await using device = await oneFunction((event) =>
    event.kind === 'fetch' && event.url.endsWith('/large') ? plain('', { body: large }) : plain('hi'),
  );
  using raw = await openRaw(portOf(device));
  raw.socket.pause();
  raw.socket.write(`GET /large HTTP/1.1\r\n${host}\r\n`);
  await eventually(() => device.plane.status().http?.inFlight === 1);
  expect((await send(urlOf(device))).text).toBe('hi');
});

test('more connections than the gateway takes are closed, and it lives', async () => {
  await using device = await oneFunction(say('hi'));
  const port = portOf(device);
  const open = await Promise.all(Array.from({ length: 300 }, () => openRaw(port)));
  await eventually(() => open.filter(({ socket }) => socket.destroyed).length >= 44);
  for (const raw of open) raw[Symbol.dispose]();
  await eventually(async () => (await send(urlOf(device)).catch(() => undefined))?.text === 'hi');
}, 30_000);

import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { openBoundDevice, type BoundDevice } from '../support/bound-device.ts';
import { echo, serve } from '../support/outside.ts';

jest.setTimeout(120_000);

let device: BoundDevice;
let server: Awaited<ReturnType<typeof serve>>;
let reached: string[];

beforeAll(async () => {
  reached = [];
  server = await serve((request, response) => {
    reached.push(request.url ?? '');
    echo(request, response);
  });
  const spy = {
    code: `async invoke({ url, init }) {
      try { return { status: (await fetch(url, init)).status }; } catch ({ name, code }) { return { name, code }; }
    }`,
    bindings: { API: { fetch: ['https://api.example.com', `http://127.0.0.1:${server.port}`] } },
  };
  device = await openBoundDevice({ spy, bare: { ...spy, bindings: {} } });
});
afterAll(async () => {
  await device[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

test.each([
  'http://localhost',
  'http://LOCALHOST',
  'http://localhost.',
  'http://127.0.0.2',
  'http://0.0.0.0',
  'http://0',
  'http://[::1]',
  'http://[::]',
  'http://[::ffff:127.0.0.1]',
  'http://[0:0:0:0:0:ffff:7f00:1]',
  'http://[64:ff9b::7f00:1]',
  'http://127.0.0.1.nip.io',
  'https://127.0.0.1',
  'http://169.254.169.254',
  'http://10.0.0.1',
  'http://192.168.0.1',
  'http://api.example.com#@127.0.0.1',
])('a function that was granted one port of this machine does not reach %s', async (origin) => {
  const outcome = (await device.invoke('spy', { url: `${origin}:${server.port}/` })) as { code?: string };
  expect(['denied', 'badCall']).toContain(outcome.code);
  expect(reached).toEqual([]);
});

test.each([
  'file:///etc/passwd',
  'http://api.example.com@127.0.0.1/',
  'ftp://127.0.0.1/',
  'unix:/var/run/docker.sock',
  'http:///x',
  'ws://127.0.0.1/',
])('nor %s', async (url) => {
  expect(await device.invoke('spy', { url })).toMatchObject({ name: 'TypeError' });
  expect(reached).toEqual([]);
});

test('other ways to write the granted address are that address', async () => {
  for (const host of ['127.1', '2130706433', '0x7f000001', '0177.0.0.1'])
    expect(await device.invoke('spy', { url: `http://${host}:${server.port}/same` })).toEqual({
      status: 200,
    });
  expect(reached.splice(0)).toEqual(['/same', '/same', '/same', '/same']);
});

test('a function without a grant has a fetch that is always denied', async () => {
  expect(await device.invoke('bare', { url: server.origin })).toMatchObject({ code: 'denied' });
  expect(reached).toEqual([]);
  expect(device.plane.status().functions.bare?.denials).toBe(1);
});

test('headers do not smuggle a second request', async () => {
  const headers = [
    ['x', 'a\r\n\r\nGET /smuggled HTTP/1.1'],
    ['content-length', '0'],
    ['transfer-encoding', 'chunked'],
  ];
  for (const header of headers)
    await device.invoke('spy', {
      url: `${server.origin}/first`,
      init: { method: 'POST', headers: [header], body: '5\r\nGET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n' },
    });
  expect(new Set(reached.splice(0))).toEqual(new Set(['/first']));
});

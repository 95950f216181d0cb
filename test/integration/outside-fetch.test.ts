import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { brotliCompressSync, constants, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { createFetch } from '../../agent/outside/fetch.ts';
import type { Resolve } from '../../agent/outside/guarded-lookup.ts';
import { ask, echo, nothing, serve, type Echo } from '../support/outside.ts';
import { startRegistry } from '../support/registry-server.ts';

describe('a request', () => {
  test('goes out as it was asked for, and the answer comes back whole', async () => {
    await using server = await serve(echo);
    const { status, text, url, redirected, headers } = await ask({
      url: `${server.origin}/a?b=c`,
      method: 'PATCH',
      headers: [['X-Mine', 'yes']],
      body: Buffer.from('bödy'),
    });
    const seen = JSON.parse(text) as Echo;
    expect([status, url, redirected]).toEqual([200, `${server.origin}/a?b=c`, false]);
    expect(seen).toMatchObject({ method: 'PATCH', url: '/a?b=c', body: 'bödy' });
    expect(seen.headers).toMatchObject({ 'x-mine': 'yes', 'content-length': '5' });
    expect(seen.headers['user-agent']).toMatch(/^Holdfast\//);
    expect(headers).toContainEqual(['content-type', 'application/json']);
  });

  test('cannot speak for the connection', async () => {
    await using server = await serve(echo);
    const { text } = await ask({
      url: server.origin,
      method: 'POST',
      headers: [
        ['host', 'internal.example'],
        ['HOST', 'internal.example'],
        ['content-length', '9999'],
        ['transfer-encoding', 'chunked'],
        ['connection', 'upgrade'],
        ['upgrade', 'websocket'],
        ['expect', '100-continue'],
        ['proxy-authorization', 'x'],
      ],
      body: Buffer.from('abc'),
    });
    const { headers, body } = JSON.parse(text) as Echo;
    expect(headers.host).toBe(`127.0.0.1:${server.port}`);
    expect([headers['content-length'], body]).toEqual(['3', 'abc']);
    for (const name of ['transfer-encoding', 'upgrade', 'expect', 'proxy-authorization'])
      expect(headers).not.toHaveProperty(name);
  });

  test.each([
    ['a header with a line break', { headers: [['x', 'a\r\nHost: b']] as [string, string][] }],
    ['a name with a line break', { headers: [['x\r\ny', 'a']] as [string, string][] }],
    ['a method with a space', { method: 'GET /other HTTP/1.1\r\n' }],
    ['a tunnel', { method: 'CONNECT' }],
    ['a trace', { method: 'trace' }],
  ])('with %s is not sent', async (_, more) => {
    let requests = 0;
    await using server = await serve((request, response) => {
      requests++;
      echo(request, response);
    });
    await expect(ask({ url: server.origin, ...more })).rejects.toMatchObject({ code: 'badInput' });
    expect(requests).toBe(0);
  });

  test('that is answered by another protocol fails', async () => {
    await using server = await serve(({ socket }) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
    });
    await expect(ask({ url: server.origin })).rejects.toMatchObject({ code: 'badMessage' });
  });

  test('gets repeated headers apart and none of the connection', async () => {
    await using server = await serve((_, response) => {
      response.writeHead(204, { 'set-cookie': ['a=1', 'b=2'], 'keep-alive': 'timeout=5' });
      response.end();
    });
    const { status, headers } = await ask({ url: server.origin });
    expect(status).toBe(204);
    expect(headers.filter(([name]) => name === 'set-cookie')).toEqual([
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
    ]);
    expect(headers.map(([name]) => name)).not.toContain('keep-alive');
    expect(headers.map(([name]) => name)).not.toContain('connection');
  });
});

/** At the usual quality 64 MiB of zeros take six seconds. */
const quickBrotli = (bytes: Buffer): Buffer =>
  brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } });

describe('a body', () => {
  const text = 'hello '.repeat(100);
  test.each([
    ['gzip', gzipSync(text)],
    ['deflate', deflateSync(text)],
    ['deflate', deflateRawSync(text)],
    ['br', brotliCompressSync(text)],
    ['gzip, br', brotliCompressSync(gzipSync(text))],
    ['identity', Buffer.from(text)],
  ])('packed by %s is unpacked', async (coding, packed) => {
    await using server = await serve((_, response) => {
      response.setHeader('content-encoding', coding);
      response.end(packed);
    });
    const answer = await ask({ url: server.origin });
    expect(answer.text).toBe(text);
    if (coding !== 'identity') expect(answer.headers.map(([name]) => name)).not.toContain('content-encoding');
  });

  test('in a coding that nobody knows stays packed', async () => {
    await using server = await serve((_, response) => {
      response.setHeader('content-encoding', 'compress');
      response.end('packed');
    });
    const answer = await ask({ url: server.origin });
    expect([answer.text, answer.headers]).toEqual([
      'packed',
      expect.arrayContaining([['content-encoding', 'compress']]),
    ]);
  });

  test('of a HEAD or an empty one is not unpacked', async () => {
    await using server = await serve((_, response) => {
      response.setHeader('content-encoding', 'gzip');
      response.end();
    });
    for (const method of ['HEAD', 'GET']) expect((await ask({ url: server.origin, method })).text).toBe('');
  });

  test.each([
    ['a bomb', 'gzip', gzipSync(Buffer.alloc(64 * 2 ** 20)), 'tooLarge'],
    ['a bomb in a bomb', 'br, br', brotliCompressSync(quickBrotli(Buffer.alloc(64 * 2 ** 20))), 'tooLarge'],
    ['garbage', 'gzip', Buffer.from('this is not gzip'), 'badMessage'],
    ['half of it', 'gzip', gzipSync(text).subarray(0, 20), 'badMessage'],
  ])('that is %s (%s) fails as such', async (_what, coding, packed, code) => {
    await using server = await serve((_, response) => {
      response.setHeader('content-encoding', coding);
      response.end(packed);
    });
    await expect(ask({ url: server.origin })).rejects.toMatchObject({ code });
  });

  test('without an end is cut off at its bound', async () => {
    const closed = Promise.withResolvers<undefined>();
    await using server = await serve((_, response) => {
      response.once('close', () => closed.resolve(undefined));
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    });
    await expect(ask({ url: server.origin })).rejects.toMatchObject({ code: 'tooLarge' });
    await closed.promise;
  });

  test('that stops in the middle ends with the invocation', async () => {
    const stop = new AbortController();
    await using server = await serve((_, response) => {
      response.write('half');
      setTimeout(() => stop.abort(new Error('the invocation has ended')), 50);
    });
    await expect(ask({ url: server.origin }, { signal: stop.signal })).rejects.toThrow(
      'the invocation has ended',
    );
  });

  test('whose sender hangs up is a failure of the network, not an empty answer', async () => {
    await using server = await serve((_, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half', () => response.destroy());
    });
    await expect(ask({ url: server.origin })).rejects.toMatchObject({ code: 'ECONNRESET' });
  });
});

describe('an address', () => {
  test.each([
    ['loopback', '127.0.0.1', 4],
    ['the metadata service', '169.254.169.254', 4],
    ['a private one', '192.168.1.20', 4],
    ['IPv6 loopback', '::1', 6],
    ['mapped loopback', '::ffff:127.0.0.1', 6],
    ['unique local', 'fd00::1', 6],
  ])('that a name resolves to is denied when it is %s', async (_, address, family) => {
    const resolve: Resolve = () => Promise.resolve([{ address, family }]);
    await expect(ask({ url: 'http://rebound.example.com/' }, { resolve })).rejects.toMatchObject({
      code: 'denied',
      message: expect.stringContaining(address),
    });
  });

  test('is the one that was judged: what the name means a moment later is not asked', async () => {
    await using server = await serve(echo);
    let asked = 0;
    const resolve: Resolve = () => {
      asked++;
      return Promise.resolve([{ address: asked === 1 ? '127.0.0.1' : '10.0.0.1', family: 4 }]);
    };
    const { text } = await ask({ url: `http://localhost:${server.port}/` }, { resolve });
    expect((JSON.parse(text) as Echo).headers.host).toBe(`localhost:${server.port}`);
    expect(asked).toBe(1);
  });

  test('is denied when none of a name is public, and the error tells all', async () => {
    const resolve: Resolve = () =>
      Promise.resolve([
        { address: '10.0.0.1', family: 4 },
        { address: '::1', family: 6 },
      ]);
    await expect(ask({ url: 'http://mixed.example.com/' }, { resolve })).rejects.toMatchObject({
      message: expect.stringContaining('10.0.0.1, ::1'),
    });
  });

  test('named in the grant is reached without a look-up; localhost only on this machine', async () => {
    await using server = await serve(echo);
    expect((await ask({ url: server.origin })).status).toBe(200);
    const elsewhere: Resolve = () => Promise.resolve([{ address: '8.8.8.8', family: 4 }]);
    await expect(
      ask({ url: `http://localhost:${server.port}/` }, { resolve: elsewhere }),
    ).rejects.toMatchObject({ code: 'denied' });
  });

  test('that is not granted is denied before anything is sent', async () => {
    await using server = await serve(echo);
    await expect(ask({ url: server.origin, origins: ['http://127.0.0.1:1'] })).rejects.toMatchObject({
      code: 'denied',
    });
  });
});

test('a connection that the peer closed while it was kept is made anew', async () => {
  let connections = 0;
  const server = createServer(echo);
  server.keepAliveTimeout = 60_000;
  server.on('connection', () => connections++);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  using outside = createFetch({ resolve: nothing });
  const get = () =>
    outside.fetch(
      {
        method: 'GET',
        url: origin,
        headers: [],
        body: undefined,
        redirect: 'follow',
        origins: [origin],
        maxResponseBytes: 1000,
      },
      { signal: new AbortController().signal },
    );
  await get();
  await get();
  expect(connections).toBe(1);
  const again = get();
  server.closeIdleConnections();
  expect((await again).status).toBe(200);
  server.closeAllConnections();
  server.close();
});

test('a certificate that nobody vouches for ends the request before anything of it is sent', async () => {
  await using registry = await startRegistry();
  const url = `${registry.url}/v2/`;
  const resolve: Resolve = () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]);
  await expect(ask({ url }, { resolve })).rejects.toMatchObject({
    code: expect.stringMatching(/CERT|VERIFY/),
  });
  using trusting = createFetch({ resolve, ca: registry.caPem });
  const request = { method: 'GET', url, headers: [], body: undefined, redirect: 'follow' } as const;
  const { signal } = new AbortController();
  const origins = [new URL(url).origin];
  expect((await trusting.fetch({ ...request, origins, maxResponseBytes: 10_000 }, { signal })).status).toBe(
    401,
  );
});

import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { BodyTooLargeError, createHttpsClient } from '../../lib/https-client.ts';
import { isTransientNetworkError } from '../../lib/network-error.ts';
import { startRegistry } from '../support/registry-server.ts';

type Peer = AsyncDisposable & { readonly url: string; readonly connections: () => number };

async function servePeer(listener: RequestListener): Promise<Peer> {
  const server = createServer(listener);
  let connections = 0;
  server.on('connection', () => connections++);
  await listening(server);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A peer that says what no HTTP server would. */
async function serveRaw(
  answer: (socket: Socket) => void,
): Promise<AsyncDisposable & { readonly url: string }> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => answer(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function listening(server: Server, path?: string): Promise<void> {
  if (path === undefined) server.listen(0, '127.0.0.1');
  else server.listen(path);
  await once(server, 'listening');
}

const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

test('sends a body and gives the head and the body of the answer', async () => {
  await using peer = await servePeer((request, response) => {
    response.writeHead(201, { 'X-Method': request.method ?? '', 'x-many': ['a', 'b'] });
    request.pipe(response);
  });
  await using http = createHttpsClient();
  const body = Buffer.alloc(300_000, 'ü');
  const answer = await http.request({ method: 'PUT', url: peer.url, body });
  expect(answer.status).toBe(201);
  expect(answer.headers).toMatchObject({ 'x-method': 'PUT', 'x-many': 'a, b' });
  expect(body.equals(await answer.bytes(body.length))).toBe(true);
});

test('uses one connection for requests that follow each other, and follows no redirect', async () => {
  await using peer = await servePeer((_request, response) => {
    response.writeHead(307, { location: '/elsewhere' }).end('moved');
  });
  await using http = createHttpsClient();
  const first = await http.request({ url: peer.url });
  await first.discard();
  const second = await http.request({ url: peer.url });
  expect([second.status, second.headers.location]).toEqual([307, '/elsewhere']);
  await second.discard();
  expect(peer.connections()).toBe(1);
});

test('keeps to itself the credentials of an address', async () => {
  await using peer = await servePeer((request, response) => {
    response.end(request.headers.authorization ?? 'none');
  });
  await using http = createHttpsClient();
  const answer = await http.request({ url: peer.url.replace('//', '//user:secret@') });
  expect(Buffer.from(await answer.bytes(100)).toString()).toBe('none');
});

test('speaks over a Unix socket whatever the host of the address', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-http-'));
  const server = createServer((request, response) => response.end(request.url));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(folder, { recursive: true }));
  stack.defer(() => new Promise<void>((resolve) => server.close(() => resolve())));
  await listening(server, join(folder, 'socket'));
  await using http = createHttpsClient({ socketPath: join(folder, 'socket') });
  const answer = await http.request({ url: 'http://agent/v1/x?y=1' });
  expect(Buffer.from(await answer.bytes(100)).toString()).toBe('/v1/x?y=1');
});

test('stops reading a body that is larger than asked for', async () => {
  await using peer = await servePeer((_request, response) => {
    const more = () => {
      while (response.write(Buffer.alloc(65_536)));
    };
    response.on('drain', more);
    more();
  });
  await using http = createHttpsClient();
  const answer = await http.request({ url: peer.url });
  await expect(answer.bytes(100_000)).rejects.toBeInstanceOf(BodyTooLargeError);
  const endless = await http.request({ url: peer.url });
  await endless.discard();
});

test('gives up on a peer that is silent before the head, or within the body, with a transient ETIMEDOUT', async () => {
  await using peer = await servePeer((request, response) => {
    if (request.url === '/body') response.writeHead(200).write('begun');
  });
  await using http = createHttpsClient({ idleTimeoutMs: 100 });
  const head = await failureOf(http.request({ url: `${peer.url}/head` }));
  // Its head has to come in time, on a busy machine too.
  await using patient = createHttpsClient({ idleTimeoutMs: 500 });
  const answer = await patient.request({ url: `${peer.url}/body` });
  const body = await failureOf(answer.bytes(100));
  for (const error of [head, body]) {
    expect(error).toMatchObject({ code: 'ETIMEDOUT' });
    expect(isTransientNetworkError(error)).toBe(true);
  }
});

test('waits for as long as the peer says that it is at work', async () => {
  await using peer = await servePeer((_request, response) => {
    let words = 0;
    const saying = setInterval(() => {
      response.writeProcessing();
      if (++words < 24) return;
      clearInterval(saying);
      response.end('done');
    }, 50);
  });
  await using http = createHttpsClient({ idleTimeoutMs: 1000 });
  const answer = await http.request({ method: 'POST', url: peer.url, body: '{}' });
  expect([answer.status, Buffer.from(await answer.bytes(10)).toString()]).toEqual([200, 'done']);
});

test('lets a reader be slower than the idle time', async () => {
  await using peer = await servePeer((_request, response) => response.end(Buffer.alloc(200_000)));
  await using http = createHttpsClient({ idleTimeoutMs: 400 });
  const answer = await http.request({ url: peer.url });
  let size = 0;
  for await (const piece of answer.body) {
    if (size === 0) await sleep(900);
    size += piece.byteLength;
  }
  expect(size).toBe(200_000);
});

test("rejects with the signal's reason before the head, within the body and at once", async () => {
  await using peer = await servePeer((request, response) => {
    if (request.url === '/body') response.writeHead(200).write('begun');
  });
  await using http = createHttpsClient();
  for (const path of ['/head', '/body']) {
    const reason = new Error(`enough of ${path}`);
    const stop = new AbortController();
    const { signal } = stop;
    const failure = failureOf(
      http.request({ url: peer.url + path, signal }).then((answer) => answer.bytes(100)),
    );
    await sleep(50);
    stop.abort(reason);
    expect(await failure).toBe(reason);
    expect(await failureOf(http.request({ url: peer.url, signal }))).toBe(reason);
  }
});

test('takes a connection that closes before the answer, or within it, for a passing failure', async () => {
  await using early = await serveRaw((socket) => socket.destroy());
  await using late = await serveRaw((socket) =>
    socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf'),
  );
  await using http = createHttpsClient();
  expect(isTransientNetworkError(await failureOf(http.request({ url: early.url })))).toBe(true);
  const answer = await http.request({ url: late.url });
  // The connection is gone before anyone reads.
  await sleep(50);
  expect(isTransientNetworkError(await failureOf(answer.bytes(100)))).toBe(true);
});

test('takes an answer that is not HTTP for a lasting failure', async () => {
  await using peer = await serveRaw((socket) => socket.end('SSH-2.0-OpenSSH_9.9\r\n'));
  await using http = createHttpsClient();
  const failure = await failureOf(http.request({ url: peer.url }));
  expect(failure).toMatchObject({ code: expect.stringMatching(/^HPE_/) });
  expect(isTransientNetworkError(failure)).toBe(false);
});

test('ends what is under way when it is disposed, for good', async () => {
  await using peer = await servePeer(() => undefined);
  const http = createHttpsClient();
  const failure = failureOf(http.request({ url: peer.url }));
  await sleep(50);
  await http[Symbol.asyncDispose]();
  const failures = [await failure, await failureOf(http.request({ url: peer.url }))];
  for (const error of failures) {
    expect(error).toBeInstanceOf(Error);
    expect(isTransientNetworkError(error)).toBe(false);
  }
});

test('believes a certificate of the given authority only', async () => {
  await using registry = await startRegistry();
  await using trusting = createHttpsClient({ ca: registry.caPem });
  const answer = await trusting.request({ url: `${registry.url}/v2/` });
  expect(answer.status).toBe(401);
  await answer.discard();
  await using stranger = createHttpsClient();
  const failure = await failureOf(stranger.request({ url: `${registry.url}/v2/` }));
  expect(failure).toMatchObject({ code: expect.stringMatching(/CERT|VERIFY/) });
  expect(isTransientNetworkError(failure)).toBe(false);
});

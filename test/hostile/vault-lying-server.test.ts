import { hash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { VaultBackend } from '../../cloud-sync/vault/backend/backend.ts';
import { openRestBackend } from '../../cloud-sync/vault/backend/rest-backend.ts';

const { signal } = new AbortController();
const [a, b] = ['a'.repeat(64), 'b'.repeat(64)];
const bytes = randomBytes(1000);
const name = hash('sha256', bytes, 'hex');
const v2 = 'application/vnd.x.restic.rest.v2';
let cleanup: AsyncDisposableStack;

beforeEach(() => {
  cleanup = new AsyncDisposableStack();
});
afterEach(async () => {
  await cleanup.disposeAsync();
});

/** A backend whose server answers as `listener` says, and every request it got. */
async function backendOf(
  listener: RequestListener,
  attempts = 3,
): Promise<{ backend: VaultBackend; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    listener(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanup.defer(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/repo`;
  const retry = { attempts, minDelayMs: 1, maxDelayMs: 2 };
  return { backend: cleanup.use(openRestBackend({ url, retry })), asked };
}

const answer =
  (status: number, body: string | Uint8Array = '', headers: Record<string, string> = {}): RequestListener =>
  (request, response) => {
    request.resume();
    response.writeHead(status, headers).end(body);
  };

/** Says more than it sends, and hangs up. */
const truncated =
  (status: number, headers: Record<string, string>, body: Uint8Array): RequestListener =>
  (_request, response) => {
    response.writeHead(status, headers);
    response.write(body, () => response.destroy());
  };

describe('a listing', () => {
  test.each([
    ['no JSON', '[{"name":'],
    ['HTML', '<html>log in first</html>'],
    ['an object', '{"files":[]}'],
    ['a size below nothing', JSON.stringify([{ name: a, size: -5 }])],
    ['sizes that are text', JSON.stringify([{ name: a, size: '12' }])],
    ['nothing', ''],
    ['null', 'null'],
    ['a deep one', '['.repeat(100_000)],
  ])('of %s is refused at once', async (_, body) => {
    const { backend, asked } = await backendOf(answer(200, body, { 'content-type': v2 }));
    await expect(backend.list('data', { signal })).rejects.toMatchObject({ code: 'badAnswer' });
    expect(asked).toHaveLength(1);
  });

  test('that breaks off is asked for again, and is no shorter listing', async () => {
    const body = Buffer.from(JSON.stringify([{ name: a, size: 1 }]));
    const headers = { 'content-type': v2, 'content-length': String(body.byteLength + 100) };
    const { backend, asked } = await backendOf(truncated(200, headers, body));
    await expect(backend.list('data', { signal })).rejects.toMatchObject({
      code: 'network',
      transient: true,
    });
    expect(asked).toHaveLength(3);
  });

  test('of names only is completed by asking for each size; what goes meanwhile is left out', async () => {
    const { backend } = await backendOf((request, response) => {
      if (request.method === 'GET') response.end(JSON.stringify([a, b, '..', 'x']));
      else if (request.url === `/repo/keys/${a}`) response.writeHead(200, { 'content-length': '77' }).end();
      else response.writeHead(404).end();
    });
    await expect(backend.list('keys', { signal })).resolves.toEqual([
      { name: a, bytes: 77, receivedMs: null },
    ]);
  });

  test('that is not there is empty; one that may not be seen is not', async () => {
    const missing = await backendOf(answer(404));
    await expect(missing.backend.list('data', { signal })).resolves.toEqual([]);
    for (const [status, code] of [
      [401, 'unauthorized'],
      [403, 'forbidden'],
      [301, 'badAnswer'],
      [204, 'badAnswer'],
    ] as const) {
      const { backend } = await backendOf(answer(status, '', { location: 'http://127.0.0.1:1/' }));
      await expect(backend.list('data', { signal })).rejects.toMatchObject({ code });
    }
  });
});

describe('a file', () => {
  const part = { offset: 100, length: 50 };
  const expected = bytes.subarray(100, 150);

  test('is given in part by a server that sends all of it', async () => {
    const { backend } = await backendOf(answer(200, bytes));
    await expect(backend.read('data', name, { signal, range: part })).resolves.toEqual(expected);
    const beyond = { offset: 990, length: 11 };
    await expect(backend.read('data', name, { signal, range: beyond })).rejects.toMatchObject({
      code: 'corrupt',
    });
  });

  test('without an end is read no further than the part, and no further than its bound', async () => {
    const endless: RequestListener = (_request, response) => {
      response.writeHead(200);
      const more = () => {
        while (response.writable && response.write(Buffer.alloc(65_536, 7)));
        response.once('drain', more);
      };
      more();
    };
    const { backend } = await backendOf(endless);
    const read = await backend.read('data', name, { signal, range: { offset: 1_000_000, length: 3 } });
    expect(read).toEqual(Buffer.alloc(3, 7));
    await expect(backend.read('data', name, { signal, maxBytes: 1_000_000 })).rejects.toMatchObject({
      code: 'tooLarge',
    });
  });

  test.each([
    ['another part', 'bytes 0-49/1000', 'badAnswer'],
    ['a part it does not name', '', 'badAnswer'],
    ['a longer part', 'bytes 100-200/1000', 'badAnswer'],
    ['a part in other words', 'lines 100-149/1000', 'badAnswer'],
    ['a shorter part', 'bytes 100-120/121', 'corrupt'],
  ])('is not taken from a server that sends %s', async (_, range, code) => {
    const headers = range === '' ? {} : { 'content-range': range };
    const { backend } = await backendOf(answer(206, expected, headers));
    await expect(backend.read('data', name, { signal, range: part })).rejects.toMatchObject({ code });
  });

  test('of fewer bytes than the answer says is damaged', async () => {
    const { backend } = await backendOf(
      answer(206, expected.subarray(1), { 'content-range': 'bytes 100-149/1000' }),
    );
    await expect(backend.read('data', name, { signal, range: part })).rejects.toMatchObject({
      code: 'corrupt',
    });
  });

  test('that breaks off is asked for again until it is whole', async () => {
    let requests = 0;
    const short = truncated(200, { 'content-length': '1000' }, bytes.subarray(0, 400));
    const { backend } = await backendOf((request, response) =>
      (requests += 1) < 3 ? short(request, response) : answer(200, bytes)(request, response),
    );
    await expect(backend.read('data', name, { signal })).resolves.toEqual(bytes);
    expect(requests).toBe(3);
  });

  test.each([
    [404, 'notFound', 1],
    [416, 'corrupt', 1],
    [429, 'unavailable', 3],
    [500, 'unavailable', 3],
    [503, 'unavailable', 3],
    [418, 'badAnswer', 1],
  ])('answered with %i is %s after %i requests', async (status, code, requests) => {
    const { backend, asked } = await backendOf(answer(status, 'x'.repeat(200_000)));
    await expect(backend.read('data', name, { signal, range: part })).rejects.toMatchObject({ code });
    expect(asked).toHaveLength(requests);
  });

  test('is not taken from what speaks no HTTP', async () => {
    const { backend } = await backendOf((request) => request.socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
    await expect(backend.read('config', '', { signal })).rejects.toMatchObject({ code: 'badAnswer' });
  });

  test('of a problem in words is refused in these words, and in no code of the server making', async () => {
    const problem = { code: '__proto__', message: 'No.', hint: 'Ask.' };
    const { backend } = await backendOf(answer(403, JSON.stringify(problem)));
    await expect(backend.read('config', '', { signal })).rejects.toMatchObject({
      ...{ code: 'forbidden', message: 'No.', hint: 'Ask.' },
    });
  });
});

/** A store of files that does with each request for an upload what `onUpload` says. */
function storing(
  onUpload: (
    kept: Map<string, Buffer>,
    request: IncomingMessage,
    response: ServerResponse,
    body: Buffer,
  ) => void,
): {
  kept: Map<string, Buffer>;
  listener: RequestListener;
} {
  const kept = new Map<string, Buffer>();
  const listener: RequestListener = (request, response) => {
    const found = kept.get(request.url ?? '');
    if (request.method === 'POST') {
      void buffer(request).then((body) => onUpload(kept, request, response, body));
    } else if (found) {
      response.writeHead(200, { 'content-length': found.byteLength });
      response.end(request.method === 'HEAD' ? undefined : found);
    } else {
      response.writeHead(404).end();
    }
  };
  return { kept, listener };
}

describe('an upload', () => {
  test('whose answer is lost is found to be done', async () => {
    const { kept, listener } = storing((files, request, response, body) => {
      files.set(request.url ?? '', body);
      response.destroy();
    });
    const { backend, asked } = await backendOf(listener);
    await backend.write('data', name, bytes, { signal });
    await backend.write('config', '', bytes, { signal });
    expect([...kept.keys()]).toEqual([`/repo/data/${name}`, '/repo/config']);
    expect(asked.filter((line) => line.startsWith('POST'))).toHaveLength(2);
  });

  test('is no success when what is there has another size, or is the config of another', async () => {
    const { listener } = storing((files, request, response, body) => {
      const config = request.url === '/repo/config';
      files.set(request.url ?? '', config ? Buffer.alloc(body.byteLength) : body.subarray(1));
      response.destroy();
    });
    const { backend } = await backendOf(listener);
    await expect(backend.write('data', name, bytes, { signal })).rejects.toMatchObject({ code: 'conflict' });
    await expect(backend.write('config', '', bytes, { signal })).rejects.toMatchObject({ code: 'conflict' });
  });

  test('is sent again when the server failed, and again while it is at the one before', async () => {
    const answers = [500, 409, 503, 200];
    const { kept, listener } = storing((files, request, response, body) => {
      const status = answers.shift() ?? 500;
      if (status === 200) files.set(request.url ?? '', body);
      response.writeHead(status).end();
    });
    const { backend } = await backendOf(listener, 10);
    await backend.write('data', name, bytes, { signal });
    expect(kept.get(`/repo/data/${name}`)).toEqual(bytes);
    expect(answers).toEqual([]);
  });

  test.each([
    [401, '', 'unauthorized'],
    [403, '', 'forbidden'],
    [409, '', 'conflict'],
    [413, '', 'tooLarge'],
    [507, '', 'quotaExceeded'],
  ])('refused with %i %s is not sent again', async (status, body, code) => {
    const { backend, asked } = await backendOf((request, response) =>
      answer(request.method === 'HEAD' ? 404 : status, body)(request, response),
    );
    await expect(backend.write('data', name, bytes, { signal })).rejects.toMatchObject({ code });
    expect(asked).toEqual([`HEAD /repo/data/${name}`, `POST /repo/data/${name}`]);
  });

  test('is tried again where the disk of the server is full, and then may be later', async () => {
    const problem = JSON.stringify({ code: 'diskFull', message: 'The disk is full' });
    const { backend, asked } = await backendOf((request, response) =>
      answer(request.method === 'HEAD' ? 404 : 507, problem)(request, response),
    );
    await expect(backend.write('data', name, bytes, { signal })).rejects.toMatchObject({
      ...{ code: 'diskFull', transient: true },
    });
    expect(asked).toHaveLength(6);
  });

  test('goes nowhere when the server cannot say what is there', async () => {
    const { backend, asked } = await backendOf((request, response) => {
      request.resume();
      response.writeHead(200, { 'transfer-encoding': 'chunked' }).end();
    });
    await expect(backend.write('data', name, bytes, { signal })).rejects.toMatchObject({ code: 'badAnswer' });
    expect(asked).toEqual([`HEAD /repo/data/${name}`]);
  });
});

test('a removal that is answered with 404 is done, with 500 it is tried again', async () => {
  const missing = await backendOf(answer(404));
  await missing.backend.remove('locks', name, { signal });
  const failing = await backendOf(answer(500));
  await expect(failing.backend.remove('locks', name, { signal })).rejects.toMatchObject({
    code: 'unavailable',
  });
  expect(failing.asked).toHaveLength(3);
});

test('a removal waits for the attempt before, whose connection broke', async () => {
  const statuses = [409, 409, 404];
  const { backend, asked } = await backendOf((request, response) =>
    answer(statuses.shift() ?? 500)(request, response),
  );
  await backend.remove('locks', name, { signal });
  expect(asked).toHaveLength(3);
});

test('a server that is silent is given up on when the caller does', async () => {
  const { backend } = await backendOf(() => undefined);
  const stop = new AbortController();
  const reading = backend.read('config', '', { signal: stop.signal });
  stop.abort(new Error('enough'));
  await expect(reading).rejects.toThrow('enough');
});

test('no server is told the password that is meant for another, and messages name none', async () => {
  const seen: (string | undefined)[] = [];
  const { backend: first } = await backendOf((request, response) => {
    seen.push(request.headers.authorization);
    response.writeHead(302, { location: 'http://127.0.0.1:1/elsewhere' }).end();
  });
  const { port } = new URL(first.location.slice('rest:'.length));
  const retry = { attempts: 1, minDelayMs: 1, maxDelayMs: 1 };
  await using backend = openRestBackend({ url: `http://me:s3cret%20word@127.0.0.1:${port}/repo/`, retry });
  const error = await backend.read('config', '', { signal }).catch((reason: unknown) => reason);
  expect(seen).toEqual([`Basic ${Buffer.from('me:s3cret word').toString('base64')}`]);
  expect(error).toMatchObject({ code: 'badAnswer' });
  expect(`${String(error)} ${backend.location}`).not.toContain('s3cret');
});

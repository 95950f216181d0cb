import { randomBytes } from 'node:crypto';
import { connect } from 'node:tls';
import { once } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import { digestOf, type Digest } from '../../lib/digest.ts';
import { createHttpsClient, type HttpsRequest } from '../../lib/https-client.ts';
import { pushArtifact } from '../../cloud-sync/oci/index.ts';
import { sampleArtifact } from '../support/artifacts.ts';
import { credentials, startRegistry, type TestRegistry } from '../support/registry-server.ts';

const { signal } = new AbortController();
const authorization = `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}`;
const mediaType = 'application/vnd.oci.image.manifest.v1+json';

/** Raw requests as the operator, to say what no good client would. */
function rawClient(registry: TestRegistry) {
  const http = createHttpsClient({ ca: registry.caPem });
  const ask = async (request: Omit<HttpsRequest, 'url'> & { readonly path: string }) => {
    const { path, ...rest } = request;
    const url = path.startsWith('https:') ? path : registry.url + path;
    const answer = await http.request({ ...rest, url, headers: { authorization, ...rest.headers } });
    const bytes = Buffer.from(await answer.bytes(2 ** 24));
    return { status: answer.status, headers: answer.headers, bytes, text: bytes.toString() };
  };
  return { ask, [Symbol.asyncDispose]: () => http[Symbol.asyncDispose]() };
}

function code(text: string): string | undefined {
  return (JSON.parse(text) as { errors: { code: string }[] }).errors[0]?.code;
}

async function put(ask: ReturnType<typeof rawClient>['ask'], bytes: Buffer, repository = 'acme/web') {
  const digest = digestOf(bytes);
  const answer = await ask({
    method: 'POST',
    path: `/v2/${repository}/blobs/uploads/?digest=${digest}`,
    body: bytes,
  });
  expect(answer.status).toBe(201);
  return digest;
}

describe('registry access', () => {
  test('asks a stranger to log in, and lets a device pull but not push', async () => {
    await using registry = await startRegistry();
    await using raw = rawClient(registry);
    const stranger = await raw.ask({ path: '/v2/', headers: { authorization: '' } });
    expect([stranger.status, code(stranger.text)]).toEqual([401, 'UNAUTHORIZED']);
    expect(stranger.headers['www-authenticate']).toBe('Basic realm="holdfast"');

    const device = { authorization: 'Bearer device' };
    expect((await raw.ask({ path: '/v2/', headers: device })).status).toBe(200);
    const push = await raw.ask({ method: 'POST', path: '/v2/acme/web/blobs/uploads/', headers: device });
    expect([push.status, code(push.text)]).toEqual([403, 'DENIED']);
  });

  test.each([
    ['that climbs', '/v2/../../etc/blobs/sha256:00', 400],
    ['that climbs in code', '/v2/a/%2e%2e/b/tags/list', 400],
    ['in upper case', '/v2/Acme/tags/list', 400],
    ['with a slash in code', '/v2/a%2fb/tags/list', 400],
    ['with an empty part', '/v2/a//b/tags/list', 400],
    ['of a short digest', '/v2/acme/web/blobs/sha256:00', 400],
    ['of a tag that climbs', '/v2/acme/web/manifests/..', 404],
    ['of no known kind', '/v2/acme/web/other', 404],
    ['that is very long', `/v2/${'a/'.repeat(600)}tags/list`, 400],
    ['of the catalog', '/v2/_catalog', 404],
  ])('refuses a path %s', async (_, path, status) => {
    await using registry = await startRegistry();
    const socket = connect({
      port: Number(registry.host.split(':')[1]),
      host: '127.0.0.1',
      ca: registry.caPem,
    });
    await once(socket, 'secureConnect');
    // By hand: a URL parser would tidy the path before the registry sees it.
    socket.end(
      `GET ${path} HTTP/1.1\r\nhost: x\r\nauthorization: ${authorization}\r\nconnection: close\r\n\r\n`,
    );
    let answer = '';
    for await (const chunk of socket) answer += String(chunk);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  });
});

describe('registry blobs', () => {
  test('are taken in one request, in two, or in pieces', async () => {
    await using registry = await startRegistry();
    await using raw = rawClient(registry);
    const bytes = randomBytes(3 * 2 ** 20);
    await put(raw.ask, bytes);

    const begun = await raw.ask({ method: 'POST', path: '/v2/acme/web/blobs/uploads/' });
    expect(begun.status).toBe(202);
    const whole = Buffer.from('monolithic');
    const done = await raw.ask({
      method: 'PUT',
      path: `${begun.headers.location ?? ''}?digest=${digestOf(whole)}`,
      body: whole,
    });
    expect([done.status, done.headers['docker-content-digest']]).toEqual([201, digestOf(whole)]);

    const { headers } = await raw.ask({ method: 'POST', path: '/v2/acme/web/blobs/uploads/' });
    const path = headers.location ?? '';
    const first = await raw.ask({ method: 'PATCH', path, body: 'abc', headers: { 'content-range': '0-2' } });
    expect([first.status, first.headers.range]).toEqual([202, '0-2']);
    const gap = await raw.ask({ method: 'PATCH', path, body: 'xyz', headers: { 'content-range': '9-11' } });
    expect([gap.status, gap.headers.range]).toEqual([416, '0-2']);
    const second = await raw.ask({ method: 'PATCH', path, body: 'def', headers: { 'content-range': '3-5' } });
    expect([second.status, second.headers.range]).toEqual([202, '0-5']);
    const status = await raw.ask({ path });
    expect([status.status, status.headers.range]).toEqual([204, '0-5']);
    const last = await raw.ask({ method: 'PUT', path: `${path}?digest=${digestOf('abcdefg')}`, body: 'g' });
    expect(last.status).toBe(201);
    expect((await raw.ask({ path: last.headers.location ?? '' })).text).toBe('abcdefg');
  });

  test('are given whole or in part, and described to HEAD', async () => {
    await using registry = await startRegistry();
    await using raw = rawClient(registry);
    const digest = await put(raw.ask, Buffer.from('0123456789'));
    const path = `/v2/acme/web/blobs/${digest}`;

    const head = await raw.ask({ method: 'HEAD', path });
    expect(head.headers).toMatchObject({ 'content-length': '10', 'docker-content-digest': digest });
    const part = async (range: string) => {
      const { status, text, headers } = await raw.ask({ path, headers: { range } });
      return { status, text: status === 206 || status === 200 ? text : '', range: headers['content-range'] };
    };
    expect(await part('bytes=2-4')).toEqual({ status: 206, text: '234', range: 'bytes 2-4/10' });
    expect(await part('bytes=7-')).toEqual({ status: 206, text: '789', range: 'bytes 7-9/10' });
    expect(await part('bytes=-2')).toEqual({ status: 206, text: '89', range: 'bytes 8-9/10' });
    expect(await part('bytes=10-')).toEqual({ status: 416, text: '', range: 'bytes */10' });
    expect((await part('lines=1-2')).text).toBe('0123456789');
    expect((await raw.ask({ path: `/v2/acme/web/blobs/${digestOf('absent')}` })).status).toBe(404);
  });

  test('with other bytes than their digest are refused and the upload is over', async () => {
    await using registry = await startRegistry();
    await using raw = rawClient(registry);
    const { headers } = await raw.ask({ method: 'POST', path: '/v2/acme/web/blobs/uploads/' });
    const path = headers.location ?? '';
    const wrong = await raw.ask({
      method: 'PUT',
      path: `${path}?digest=${digestOf('right')}`,
      body: 'wrong',
    });
    expect([wrong.status, code(wrong.text)]).toEqual([400, 'DIGEST_INVALID']);
    expect(code((await raw.ask({ path })).text)).toBe('BLOB_UPLOAD_UNKNOWN');
    expect((await raw.ask({ method: 'HEAD', path: `/v2/acme/web/blobs/${digestOf('wrong')}` })).status).toBe(
      404,
    );
  });

  test('over the size limit are cut off and nothing of them is kept', async () => {
    await using registry = await startRegistry({ maxBlobBytes: 1000 });
    await using raw = rawClient(registry);
    const { headers } = await raw.ask({ method: 'POST', path: '/v2/acme/web/blobs/uploads/' });
    const path = headers.location ?? '';
    const answer = await raw.ask({ method: 'PATCH', path, body: Buffer.alloc(1001) });
    expect([answer.status, code(answer.text)]).toEqual([413, 'SIZE_INVALID']);
    expect((await raw.ask({ path })).status).toBe(404);
  });

  test('are mounted from another repository without an upload', async () => {
    await using registry = await startRegistry();
    await using raw = rawClient(registry);
    const digest = await put(raw.ask, Buffer.from('shared'));
    const mount = (of: Digest) =>
      raw.ask({ method: 'POST', path: `/v2/acme/other/blobs/uploads/?mount=${of}&from=acme/web` });
    expect((await mount(digest)).status).toBe(201);
    expect((await mount(digestOf('absent'))).status).toBe(202);
  });

  test('in progress are bounded in number, are forgotten when idle, and can be cancelled', async () => {
    let nowMs = 0;
    await using registry = await startRegistry({ maxUploads: 2, uploadIdleMs: 1000, now: () => nowMs });
    await using raw = rawClient(registry);
    const begin = () => raw.ask({ method: 'POST', path: '/v2/acme/web/blobs/uploads/' });
    const first = (await begin()).headers.location ?? '';
    await begin();
    expect((await begin()).status).toBe(429);
    expect((await raw.ask({ method: 'DELETE', path: first })).status).toBe(204);
    expect((await raw.ask({ path: first })).status).toBe(404);
    expect((await begin()).status).toBe(202);
    nowMs = 1000;
    expect((await begin()).status).toBe(202);
  });

  test('belong to the repository they were begun in', async () => {
    await using registry = await startRegistry();
    await using raw = rawClient(registry);
    const { headers } = await raw.ask({ method: 'POST', path: '/v2/acme/web/blobs/uploads/' });
    const path = (headers.location ?? '').replace('acme/web', 'acme/other');
    expect((await raw.ask({ method: 'PATCH', path, body: 'x' })).status).toBe(404);
  });

  test('of an upload that lost its connection go on from what arrived', async () => {
    await using registry = await startRegistry();
    await using raw = rawClient(registry);
    const { headers } = await raw.ask({ method: 'POST', path: '/v2/acme/web/blobs/uploads/' });
    const path = headers.location ?? '';
    const socket = connect({
      port: Number(registry.host.split(':')[1]),
      host: '127.0.0.1',
      ca: registry.caPem,
    });
    await once(socket, 'secureConnect');
    socket.write(
      `PATCH ${path} HTTP/1.1\r\nhost: x\r\nauthorization: ${authorization}\r\ncontent-length: 100\r\n\r\nabc`,
    );
    let range = '0-0';
    while (range !== '0-2') ({ range = '' } = (await raw.ask({ path })).headers);
    socket.destroy();
    let status = 416;
    while (status === 416 || status === 400) {
      ({ status } = await raw.ask({
        method: 'PATCH',
        path,
        body: 'def',
        headers: { 'content-range': '3-5' },
      }));
    }
    expect(status).toBe(202);
    const done = await raw.ask({ method: 'PUT', path: `${path}?digest=${digestOf('abcdef')}` });
    expect(done.status).toBe(201);
  });
});

describe('registry manifests', () => {
  test('are given by tag and digest with their type, and the tags are listed in pages', async () => {
    await using registry = await startRegistry();
    await using raw = rawClient(registry);
    const artifact = sampleArtifact();
    for (const tag of ['v1', 'v2', 'v3']) {
      await pushArtifact({ client: registry.client(), repository: 'acme/web', tag, signal, ...artifact });
    }
    for (const reference of ['v1', artifact.digest]) {
      const head = await raw.ask({ method: 'HEAD', path: `/v2/acme/web/manifests/${reference}` });
      expect(head.headers).toMatchObject({
        'content-type': mediaType,
        'content-length': String(artifact.manifest.byteLength),
        'docker-content-digest': artifact.digest,
      });
      const { bytes } = await raw.ask({ path: `/v2/acme/web/manifests/${reference}` });
      expect(digestOf(bytes)).toBe(artifact.digest);
    }
    const page = await raw.ask({ path: '/v2/acme/web/tags/list?n=2' });
    expect(JSON.parse(page.text)).toEqual({ name: 'acme/web', tags: ['v1', 'v2'] });
    expect(page.headers.link).toBe('</v2/acme/web/tags/list?n=2&last=v2>; rel="next"');
    const rest = await raw.ask({ path: '/v2/acme/web/tags/list?n=2&last=v2' });
    expect(JSON.parse(rest.text)).toMatchObject({ tags: ['v3'] });
    expect(rest.headers.link).toBeUndefined();
    expect((await raw.ask({ path: '/v2/acme/none/tags/list' })).status).toBe(404);
  });

  test('that are wrong are refused, each with its reason', async () => {
    await using registry = await startRegistry();
    await using raw = rawClient(registry);
    const config = await put(raw.ask, Buffer.from('{}'));
    const document = (size = 2, digest: string = config) => ({
      schemaVersion: 2,
      mediaType,
      config: { mediaType: 'application/json', digest, size },
      layers: [],
    });
    const push = async (body: unknown, { reference = 'v1', type = mediaType } = {}) => {
      const { status, text } = await raw.ask({
        method: 'PUT',
        path: `/v2/acme/web/manifests/${reference}`,
        body: typeof body === 'string' ? body : JSON.stringify(body),
        headers: { 'content-type': type },
      });
      return status === 201 ? 'stored' : `${status} ${code(text)}`;
    };
    expect(await push(document())).toBe('stored');
    expect(await push(document(), { reference: digestOf(JSON.stringify(document())) })).toBe('stored');
    expect(await push('nonsense')).toBe('400 MANIFEST_INVALID');
    expect(await push({ schemaVersion: 1 })).toBe('400 MANIFEST_INVALID');
    expect(await push(document(), { type: 'text/plain' })).toBe('400 MANIFEST_INVALID');
    expect(await push({ ...document(), mediaType: 'x/y' })).toBe('400 MANIFEST_INVALID');
    expect(await push(document(3))).toBe('400 MANIFEST_INVALID');
    expect(await push(document(2, digestOf('absent')))).toBe('400 MANIFEST_BLOB_UNKNOWN');
    expect(await push(document(), { reference: digestOf('other') })).toBe('400 DIGEST_INVALID');
    expect(await push(' '.repeat(4 * 2 ** 20 + 1))).toBe('413 SIZE_INVALID');
  });

  test('cannot be deleted', async () => {
    await using registry = await startRegistry();
    await using raw = rawClient(registry);
    const answer = await raw.ask({ method: 'DELETE', path: '/v2/acme/web/manifests/v1' });
    expect([answer.status, code(answer.text)]).toEqual([405, 'UNSUPPORTED']);
  });
});

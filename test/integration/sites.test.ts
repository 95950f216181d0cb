import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { brotliDecompressSync, gunzipSync, gzipSync, zstdDecompressSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { sitesOf } from '../../agent/apps/sites/site.ts';
import type { StoredImage } from '../../agent/apps/ports.ts';
import type { Digest } from '../../lib/digest.ts';
import { bundlesOf, machineWith, openDevice, type Device } from '../support/data-plane.ts';
import { portOf, say, urlOf } from '../support/gateway.ts';
import { hasPeer } from '../support/has-peer.ts';
import { openRaw } from '../support/http.ts';

let folder: string;
let device: Device;
const long = 'All is well. '.repeat(500);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-sites-'));
  const tree = join(folder, 'tree');
  const files = {
    'srv/index.html': '<h1>Handbook</h1>',
    'srv/404.html': '<h1>Not here</h1>',
    'srv/sub/index.html': 'sub',
    'srv/a b.txt': 'a space',
    'srv/app.js': long,
    'srv/style.css': 'the style',
    'srv/style.css.gz': gzipSync('the style, compressed'),
    'srv/blob': Buffer.from([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
    'etc/passwd': 'of the image',
  };
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(tree, name)), { recursive: true });
    await writeFile(join(tree, name), content);
    await utimes(join(tree, name), 1_700_000_000, 1_700_000_000);
  }
  await writeFile(join(folder, 'outside'), 'outside');
  await symlink('/srv/blob', join(tree, 'srv/absolute'));
  await symlink('../../../outside', join(tree, 'srv/out'));
  await symlink(join(folder, 'outside'), join(tree, 'srv/far'));
  await symlink('circle', join(tree, 'srv/circle'));
  device = await openDevice({});
  await serve(device, tree);
});
afterAll(async () => {
  await device[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function serve({ plane }: Device, rootfs: string, tag = '0', over: object = {}): Promise<void> {
  const machine = await machineWith({
    apps: { book: { image: 'a/b', site: { route: '/handbook', folder: 'srv' } } },
    ...over,
  } as Parameters<typeof machineWith>[0]);
  const image: StoredImage = {
    digest: `sha256:${tag.repeat(64)}` as Digest,
    rootfs,
    config: { os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [] } },
  };
  await plane.configure(machine, bundlesOf(machine), await sitesOf(machine, new Map([['book', image]])));
}

type Answer = { status: number; headers: Map<string, string>; bytes: Buffer };

/** By curl, which takes a path as it is. */
async function get(path: string, ...options: string[]): Promise<Answer> {
  const { stdout } = await promisify(execFile)(
    'curl',
    ['-s', '-i', '--path-as-is', '--max-time', '60', ...options, urlOf(device, path)],
    { encoding: 'buffer', maxBuffer: 2 ** 24 },
  );
  const end = stdout.indexOf('\r\n\r\n');
  const [first = '', ...lines] = stdout.subarray(0, end).toString().split('\r\n');
  const headers = lines.map((line) => line.split(': ', 2).map((part) => part.trim()) as [string, string]);
  return {
    status: Number(first.split(' ')[1]),
    headers: new Map(headers.map(([name, value]) => [name.toLowerCase(), value])),
    bytes: stdout.subarray(end + 4),
  };
}

const withCurl = hasPeer('curl') ? test : test.skip;

withCurl('serves the files of an image with their types, and a folder by its index', async () => {
  const index = await get('/handbook/');
  expect([index.status, index.bytes.toString()]).toEqual([200, '<h1>Handbook</h1>']);
  expect(Object.fromEntries(index.headers)).toMatchObject({
    'content-type': 'text/html; charset=utf-8',
    'content-length': '17',
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-cache',
    'last-modified': 'Tue, 14 Nov 2023 22:13:20 GMT',
    vary: 'accept-encoding',
  });
  expect((await get('/handbook/sub/')).bytes.toString()).toBe('sub');
  expect((await get('/handbook/a%20b.txt')).bytes.toString()).toBe('a space');
  const unknown = await get('/handbook/blob');
  expect(unknown.headers.get('content-type')).toBe('application/octet-stream');
});

withCurl('sends a caller who names a folder without its slash there', async () => {
  const root = await get('/handbook?q=1');
  expect([root.status, root.headers.get('location')]).toEqual([301, '/handbook/?q=1']);
  const below = await get('/handbook/sub');
  expect([below.status, below.headers.get('location')]).toEqual([301, '/handbook/sub/']);
});

withCurl('has a page for what is not there', async () => {
  for (const path of [
    '/handbook/nothing',
    '/handbook/blob/',
    '/handbook//blob',
    '/handbook/blob/x',
    '/handbook/sub%2Findex.html',
  ]) {
    const { status, bytes } = await get(path);
    expect([path, status, bytes.toString().includes('ot') && status === 404]).toEqual([path, 404, true]);
  }
  expect((await get('/handbook/nothing')).bytes.toString()).toBe('<h1>Not here</h1>');
});

withCurl('follows links as the image would, and never leaves it', async () => {
  expect((await get('/handbook/absolute')).bytes).toHaveLength(10);
  for (const path of ['/handbook/out', '/handbook/far', '/handbook/circle', '/handbook/../etc/passwd']) {
    expect([path, (await get(path)).status]).toEqual([path, 404]);
  }
  for (const path of ['/handbook/%2e%2e%2fetc/passwd', '/handbook/..%2f..%2foutside', '/handbook/%00'])
    expect([path, (await get(path)).status]).toEqual([path, 400]);
});

withCurl('takes GET and HEAD only, and answers HEAD as GET without the body', async () => {
  const post = await get('/handbook/', '-X', 'POST', '-d', 'x');
  expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  for (const path of ['/handbook/blob', '/handbook/app.js', '/handbook/nothing', '/handbook/sub']) {
    const encodings = ['-H', 'accept-encoding: gzip'];
    const [whole, head] = [await get(path, ...encodings), await get(path, ...encodings, '-I')];
    const shown = ({ status, headers }: Answer) => [
      status,
      ...[...headers].filter(
        ([name]) => !['date', 'x-holdfast-invocation', 'transfer-encoding'].includes(name),
      ),
    ];
    expect(shown(head)).toEqual(shown(whole));
    expect(head.bytes).toHaveLength(0);
  }
});

withCurl('sends nothing again to a caller who has it, and everything when the image is another', async () => {
  const etag = (await get('/handbook/blob')).headers.get('etag') ?? '';
  expect(etag).toMatch(/^"[A-Za-z0-9_-]{22}"$/);
  const again = await get('/handbook/blob', '-H', `if-none-match: "x", W/${etag}`);
  expect([again.status, again.bytes.length, again.headers.get('etag')]).toEqual([304, 0, etag]);
  await serve(device, join(folder, 'tree'), '1');
  expect((await get('/handbook/blob', '-H', `if-none-match: ${etag}`)).status).toBe(200);
});

withCurl.each([
  ['bytes=2-4', 206, [2, 3, 4], 'bytes 2-4/10'],
  ['bytes=8-', 206, [8, 9], 'bytes 8-9/10'],
  ['bytes=-3', 206, [7, 8, 9], 'bytes 7-9/10'],
  ['bytes=5-99', 206, [5, 6, 7, 8, 9], 'bytes 5-9/10'],
  ['bytes=10-', 416, [], 'bytes */10'],
  ['bytes=-0', 416, [], 'bytes */10'],
  ['bytes=1-2,4-5', 200, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], undefined],
  ['bytes=4-2', 200, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], undefined],
  ['lines=1-2', 200, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], undefined],
])('answers the range %s with %i', async (range, status, bytes, contentRange) => {
  const answer = await get('/handbook/blob', '-H', `range: ${range}`, '-H', 'accept-encoding: gzip');
  expect([answer.status, [...answer.bytes], answer.headers.get('content-range')]).toEqual([
    status,
    bytes,
    contentRange,
  ]);
});

withCurl('sends a part only of the file that the caller knows', async () => {
  const etag = (await get('/handbook/blob')).headers.get('etag') ?? '';
  const part = async (ifRange: string) =>
    (await get('/handbook/blob', '-H', 'range: bytes=0-0', '-H', `if-range: ${ifRange}`)).status;
  expect(await part(etag)).toBe(206);
  expect(await part('"another"')).toBe(200);
  expect(await part('Tue, 14 Nov 2023 22:13:20 GMT')).toBe(200);
});

withCurl('compresses text for those who take it, each form with a tag of its own', async () => {
  const tags = new Set<string | undefined>();
  for (const [accept, coding, decode] of [
    ['gzip', 'gzip', gunzipSync],
    ['gzip, br', 'br', brotliDecompressSync],
    ['gzip;q=0.5, zstd', 'zstd', zstdDecompressSync],
    ['*;q=0.1, br;q=0', 'zstd', zstdDecompressSync],
  ] as const) {
    const { headers, bytes } = await get('/handbook/app.js', '-H', `accept-encoding: ${accept}`);
    expect([accept, headers.get('content-encoding')]).toEqual([accept, coding]);
    expect(bytes.length).toBeLessThan(1000);
    expect(decode(bytes).toString()).toBe(long);
    tags.add(headers.get('etag'));
  }
  for (const accept of ['identity', 'gzip;q=0', 'gzip;q=x', 'br;q=0.5, identity'])
    tags.add((await get('/handbook/app.js', '-H', `accept-encoding: ${accept}`)).headers.get('etag'));
  expect(tags.size).toBe(4);
  const sibling = await get('/handbook/style.css', '-H', 'accept-encoding: br, gzip');
  expect(sibling.headers.get('content-type')).toBe('text/css; charset=utf-8');
  expect(gunzipSync(sibling.bytes).toString()).toBe('the style, compressed');
  expect((await get('/handbook/style.css')).bytes.toString()).toBe('the style');
});

withCurl('is for programs and pages of its own machine', async () => {
  expect((await get('/handbook/', '-H', 'host: evil.example')).status).toBe(403);
  expect((await get('/handbook/', '-H', 'origin: https://evil.example')).status).toBe(403);
});

test('does not send a caller elsewhere by the names in a path', async () => {
  await using own = await openDevice({});
  await serve(own, join(folder, 'tree'), '2', { apps: { book: { image: 'a/b', site: { route: '/' } } } });
  using raw = await openRaw(portOf(own));
  raw.socket.write('GET //srv HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
  expect(await raw.closed).toMatch(/^HTTP\/1.1 404/);
});

test('a function may answer a longer route below a site', async () => {
  await using own = await openDevice(
    { functions: { f: { on: [{ http: '/handbook/api' }] } } },
    { handlers: { f: say('the function') } },
  );
  const functions = { f: { on: [{ http: '/handbook/api' }] } };
  await serve(own, join(folder, 'tree'), '3', { functions });
  expect(await (await fetch(urlOf(own, '/handbook/api'))).text()).toBe('the function');
  expect(await (await fetch(urlOf(own, '/handbook/sub/'))).text()).toBe('sub');
});

test('refuses a generation whose image does not have the folder', async () => {
  await using own = await openDevice({});
  await expect(serve(own, join(folder, 'nowhere'))).rejects.toMatchObject({
    code: 'badImage',
    message: 'The image of apps.book has no folder srv',
  });
});

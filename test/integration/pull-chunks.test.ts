import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { OciLayout } from '../../cloud-sync/oci/index.ts';
import { hostPlatform } from '../../cloud-sync/oci/image/platform.ts';
import { pullImage } from '../../cloud-sync/oci/image/pull-image.ts';
import type { PullRequest } from '../../cloud-sync/oci/image/pull-request.ts';
import type { Digest } from '../../lib/digest.ts';
import { chunkedLayer, noise, serveImage, type ChunkedLayer } from '../support/chunked-image.ts';
import { CountingRegistry, type Contents } from '../support/counting-registry.ts';

const { signal } = new AbortController();
const repository = 'acme/web';
const frameBytes = 20_000;
/** A version as a list of frames: those with the same seed are the same. */
const framesOf = (seeds: readonly number[]) => seeds.map((seed) => noise(frameBytes, seed));
const hundred = Array.from({ length: 100 }, (_, at) => at);
/** The same with some of them other. */
const changed = (...places: number[]) => hundred.map((at) => (places.includes(at) ? at + 1000 : at));

let cleanup: AsyncDisposableStack;
let served: Contents;
let layout: OciLayout;
let registry: CountingRegistry;

beforeEach(async () => {
  cleanup = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-chunks-'));
  cleanup.defer(() => rm(folder, { recursive: true }));
  served = new Map();
  layout = await OciLayout.open(folder);
  registry = cleanup.use(await CountingRegistry.start(served));
});
afterEach(() => cleanup.disposeAsync());

const pull = (digest: Digest, more: Partial<PullRequest> = {}) =>
  pullImage({
    clients: [registry.client()],
    ...{ layout, repository, digest, signal, platform: hostPlatform(), maxBytes: 2 ** 30, ...more },
  });

/** Brings `before` to the device; resolves with the image of `after` in the registry, which counts from now. */
async function updateOf(before: ChunkedLayer, after: ChunkedLayer): Promise<Digest> {
  await pull(serveImage(served, [before]));
  const digest = serveImage(served, [after]);
  registry.forget();
  return digest;
}

const small = (bytes: number) => bytes < 0.1 * 100 * frameBytes;

describe('an update of a chunked layer', () => {
  test('fetches what lacks, counts it, and makes the very blob', async () => {
    const after = chunkedLayer(framesOf(changed(3, 50, 51, 99)));
    const digest = await updateOf(chunkedLayer(framesOf(hundred)), after);
    const seen: number[] = [];
    const pulled = await pull(digest, { onProgress: ({ bytesDone }) => seen.push(bytesDone) });
    expect(await layout.isWhole(after.descriptor.digest)).toBe(true);
    expect(pulled.bytesFetched).toBe(registry.sentBytes);
    expect(small(pulled.bytesFetched)).toBe(true);
    expect(registry.rangesOf(after.descriptor.digest).slice(1)).toEqual(
      [
        [3, 4],
        [50, 52],
        [99, 100],
      ].map(([from = 0, to = 0]) => `bytes=${from * frameBytes}-${to * frameBytes - 1}`),
    );
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect(seen.at(-1)).toBeGreaterThanOrEqual(after.blob.byteLength);
  });

  test('finds chunks that moved to another place and into another layer', async () => {
    await pull(
      serveImage(
        served,
        [40, 60].map((split, at) => chunkedLayer(framesOf(at ? hundred.slice(40) : hundred.slice(0, split)))),
      ),
    );
    const after = chunkedLayer(framesOf([...hundred.slice(30, 70), 1000, ...hundred.slice(0, 30)]));
    const digest = serveImage(served, [after]);
    expect(small((await pull(digest)).bytesFetched)).toBe(true);
    expect(await layout.isWhole(after.descriptor.digest)).toBe(true);
  });

  test('of which most lacks is one request', async () => {
    const after = chunkedLayer(framesOf(hundred.map((at) => (at < 10 ? at : at + 1000))));
    const digest = await updateOf(chunkedLayer(framesOf(hundred)), after);
    await pull(digest);
    expect(registry.rangesOf(after.descriptor.digest)).toEqual([
      expect.stringContaining('bytes='),
      undefined,
    ]);
  });

  test('of a device that has no chunks yet is one request, without the table', async () => {
    const first = chunkedLayer(framesOf(hundred));
    await pull(serveImage(served, [first]));
    expect(registry.rangesOf(first.descriptor.digest)).toEqual([undefined]);
  });

  test('takes a damaged chunk from the registry', async () => {
    const [before, after] = [chunkedLayer(framesOf(hundred)), chunkedLayer(framesOf(changed(3)))];
    const digest = await updateOf(before, after);
    await damage(before, 60 * frameBytes);
    const { bytesFetched } = await pull(digest);
    expect(await layout.isWhole(after.descriptor.digest)).toBe(true);
    expect(bytesFetched).toBeLessThan(after.blob.byteLength * 0.6);
  });

  test('mends a layer that was damaged here by the part that is', async () => {
    const layer = chunkedLayer(framesOf(hundred));
    const digest = await updateOf(layer, layer);
    await damage(layer, 60 * frameBytes);
    const { bytesFetched } = await pull(digest);
    expect(await layout.isWhole(layer.descriptor.digest)).toBe(true);
    expect(bytesFetched).toBeLessThan(layer.blob.byteLength * 0.6);
  });
});

describe('an update that was cut short', () => {
  test('goes on from what was put together', async () => {
    const after = chunkedLayer(framesOf(changed(3, 50, 99)));
    const digest = await updateOf(chunkedLayer(framesOf(hundred)), after);
    registry.intercept = (request, response) => {
      const isLast = request.headers.range?.startsWith(`bytes=${99 * frameBytes}-`) === true;
      if (isLast) response.destroy();
      return isLast;
    };
    const clients = [registry.client({ attempts: 1 })];
    await expect(pull(digest, { clients })).rejects.toThrow(expect.objectContaining({ code: 'network' }));
    expect(await layout.heldBytes(after.descriptor.digest)).toBe(99 * frameBytes);
    registry.intercept = () => false;
    registry.forget();
    const { bytesFetched } = await pull(digest);
    expect(await layout.isWhole(after.descriptor.digest)).toBe(true);
    expect(bytesFetched).toBe(registry.sentBytes);
    expect(bytesFetched).toBeLessThan(2 * frameBytes);
  });

  test.each([
    ['within a chunk', 50 * frameBytes + 7],
    ['within the table', 100 * frameBytes + 100],
  ])('%s goes on from the very byte', async (_, held) => {
    const after = chunkedLayer(framesOf(changed(3, 50)));
    const digest = await updateOf(chunkedLayer(framesOf(hundred)), after);
    await leave(after, after.blob.subarray(0, held));
    const { bytesFetched } = await pull(digest);
    expect(await layout.isWhole(after.descriptor.digest)).toBe(true);
    expect(bytesFetched).toBeLessThan(2 * frameBytes);
  });

  test('and torn by a power cut begins again, with chunks', async () => {
    const after = chunkedLayer(framesOf(changed(3)));
    const digest = await updateOf(chunkedLayer(framesOf(hundred)), after);
    await leave(after, Buffer.alloc(50 * frameBytes));
    const { bytesFetched } = await pull(digest);
    expect(await layout.isWhole(after.descriptor.digest)).toBe(true);
    expect(small(bytesFetched)).toBe(true);
  });
});

describe('the whole layer is fetched', () => {
  const isRanged = (range: string | undefined) => range !== undefined;
  const after = chunkedLayer(framesOf(changed(3)));

  test('from a registry that sends no parts', async () => {
    const digest = await updateOf(chunkedLayer(framesOf(hundred)), after);
    registry.intercept = (request) => {
      delete request.headers.range;
      return false;
    };
    const problems: string[] = [];
    await pull(digest, { onProblem: ({ error }) => problems.push(error.code) });
    expect(await layout.isWhole(after.descriptor.digest)).toBe(true);
    expect(problems).toEqual(['badAnswer']);
  });

  test('from a registry that sends other bytes for a part', async () => {
    const digest = await updateOf(chunkedLayer(framesOf(hundred)), after);
    registry.intercept = (request, response) => {
      const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '')?.map(Number) ?? [];
      if (start === undefined || end === undefined || start >= after.frameEnd) return false;
      response
        .writeHead(206, { 'content-range': `bytes ${start}-${end}/*` })
        .end(Buffer.alloc(end - start + 1));
      return true;
    };
    await pull(digest);
    expect(await layout.isWhole(after.descriptor.digest)).toBe(true);
    expect(registry.rangesOf(after.descriptor.digest).at(-1)).toBeUndefined();
  });

  test('when its table names a chunk of ours in the place of another', async () => {
    const before = chunkedLayer(framesOf(hundred));
    const { hash } = hashesOf(before);
    const lying = chunkedLayer(framesOf(changed(3)), {
      lie: (chunk, at) => (at === 3 ? { ...chunk, hash: hash(7) } : chunk),
    });
    const digest = await updateOf(before, lying);
    const { bytesFetched } = await pull(digest);
    expect(await layout.isWhole(lying.descriptor.digest)).toBe(true);
    expect(bytesFetched).toBeGreaterThan(lying.blob.byteLength);
    expect(registry.rangesOf(lying.descriptor.digest).filter(isRanged)).toHaveLength(1);
  });

  test.each([
    ['of another digest', { 'dev.holdfast.chunks.digest': `sha256:${'0'.repeat(64)}` }],
    ['at another place', { 'dev.holdfast.chunks.offset': '7' }],
  ])('when its table is said to be one %s', async (_, annotations) => {
    const { descriptor } = after;
    const lying = {
      ...after,
      descriptor: { ...descriptor, annotations: { ...descriptor.annotations, ...annotations } },
    };
    await pull(await updateOf(chunkedLayer(framesOf(hundred)), lying));
    expect(await layout.isWhole(descriptor.digest)).toBe(true);
    expect(registry.rangesOf(descriptor.digest).at(-1)).toBeUndefined();
  });
});

test('a mirror that sends no parts costs one request, and the registry sends them', async () => {
  const after = chunkedLayer(framesOf(changed(3, 50)));
  const digest = await updateOf(chunkedLayer(framesOf(hundred)), after);
  await using mirror = await CountingRegistry.start(served);
  mirror.intercept = (request) => {
    delete request.headers.range;
    return false;
  };
  await pull(digest, { clients: [mirror.client(), registry.client()] });
  expect(mirror.rangesOf(after.descriptor.digest)).toHaveLength(1);
  expect(registry.rangesOf(after.descriptor.digest)).toHaveLength(3);
});

function hashesOf({ blob }: ChunkedLayer) {
  const table = blob.subarray(100 * frameBytes + 8);
  return { hash: (at: number) => table.subarray(at * 24 + 8, at * 24 + 24).toString('hex') };
}

async function damage({ descriptor }: ChunkedLayer, position: number): Promise<void> {
  await using file = await open(layout.path(descriptor.digest), 'r+');
  await file.write(Buffer.from('damage'), 0, 6, position);
}

/** As an attempt that was cut leaves it. */
async function leave({ descriptor }: ChunkedLayer, bytes: Uint8Array): Promise<void> {
  await using writer = await layout.createBlobWriter(descriptor);
  await writer.write(bytes);
}

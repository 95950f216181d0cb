import { Readable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import { digestOf } from '../../lib/digest.ts';
import type { HttpsResponse } from '../../lib/https-client.ts';
import { SyncError } from '../errors.ts';
import { uploadBlob } from './blob-upload.ts';
import type { RegistryHttp, RegistryRequest } from './registry-http.ts';

const piece = 4 * 2 ** 20;
const bytes = Buffer.alloc(2 * piece + 3, 7);
const digest = digestOf(bytes);
const origin = 'https://registry.test';

type Answer = { readonly status: number; readonly headers?: Record<string, string> };

/** A registry that keeps what it is sent; `fault` may answer instead, or lose the answer after the bytes arrived. */
class FakeRegistry implements Pick<RegistryHttp, 'request' | 'origin' | 'host'> {
  readonly origin = origin;
  readonly host = 'registry.test';
  readonly log: string[] = [];
  received = Buffer.alloc(0);
  open = false;
  stored = false;
  readonly #fault: (step: string, registry: FakeRegistry) => Answer | 'lose' | undefined;

  constructor(
    fault: (step: string, registry: FakeRegistry) => Answer | 'lose' | undefined = () => undefined,
  ) {
    this.#fault = fault;
  }

  request(request: RegistryRequest): Promise<HttpsResponse> {
    const { method = 'GET', headers = {}, body, expect: expected } = request;
    const range = headers['content-range'];
    const step = `${method}${range === undefined ? '' : ` ${range}`}`;
    this.log.push(step);
    const fault = this.#fault(step, this);
    const answer = typeof fault === 'object' ? fault : this.#answer(method, body as Uint8Array | undefined);
    if (fault === 'lose') return Promise.reject(new SyncError('network', 'reset', { transient: true }));
    if (!expected.includes(answer.status))
      return Promise.reject(new SyncError('registry', String(answer.status)));
    return Promise.resolve(responseOf(answer));
  }

  #answer(method: string, body: Uint8Array | undefined): Answer {
    const headers = { location: '/v2/acme/web/blobs/uploads/1?state=x' };
    if (method === 'POST') {
      [this.open, this.received] = [true, Buffer.alloc(0)];
      return { status: 202, headers };
    }
    if (method === 'HEAD') return { status: this.stored ? 200 : 404 };
    if (!this.open) return { status: 404 };
    this.received = Buffer.concat([this.received, body ?? Buffer.alloc(0)]);
    if (method === 'PUT') [this.open, this.stored] = [false, true];
    const range = `0-${Math.max(0, this.received.byteLength - 1)}`;
    return { status: { PUT: 201, PATCH: 202 }[method] ?? 204, headers: { ...headers, range } };
  }
}

function responseOf({ status, headers = {} }: Answer): HttpsResponse {
  return {
    status,
    headers,
    body: Readable.from([]) as AsyncIterable<Uint8Array>,
    bytes: () => Promise.resolve(new Uint8Array()),
    discard: () => Promise.resolve(),
  };
}

/** Twice at most each. */
async function retry(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof SyncError && error.transient)) throw error;
    await work();
  }
}

async function upload(registry: FakeRegistry): Promise<number[]> {
  const progress: number[] = [];
  await uploadBlob(
    registry,
    {
      repository: 'acme/web',
      digest,
      size: bytes.byteLength,
      read: (offset, length) => Promise.resolve(bytes.subarray(offset, offset + length)),
    },
    { signal: new AbortController().signal, onProgress: (count) => progress.push(count), retry },
  );
  return progress;
}

const first = `PATCH 0-${piece - 1}`;
const second = `PATCH ${piece}-${2 * piece - 1}`;

describe('an upload', () => {
  test('goes in pieces, the last with the digest', async () => {
    const registry = new FakeRegistry();
    expect(await upload(registry)).toEqual([0, piece, 2 * piece, bytes.byteLength]);
    expect(registry.log).toEqual(['POST', first, second, 'PUT']);
    expect(registry.received.equals(bytes)).toBe(true);
  });

  test('goes on behind a piece that arrived although its answer was lost', async () => {
    let lost = false;
    const registry = new FakeRegistry((step) =>
      step === first && !lost ? ((lost = true), 'lose') : undefined,
    );
    await upload(registry);
    expect(registry.log).toEqual(['POST', first, 'GET', second, 'PUT']);
    expect(registry.received.equals(bytes)).toBe(true);
  });

  test('has ended when its last answer was lost and the blob is there', async () => {
    const registry = new FakeRegistry((step) => (step === 'PUT' ? 'lose' : undefined));
    await upload(registry);
    expect(registry.log).toEqual(['POST', first, second, 'PUT', 'GET', 'HEAD']);
  });

  test('begins again at a registry that was restarted', async () => {
    let restarted = false;
    const registry = new FakeRegistry((step, { received }) => {
      if (step === second && !restarted) {
        restarted = true;
        registry.open = received.byteLength === 0;
      }
      return undefined;
    });
    await upload(registry);
    expect(registry.log).toEqual(['POST', first, second, 'GET', 'HEAD', 'POST', first, second, 'PUT']);
    expect(registry.received.equals(bytes)).toBe(true);
  });

  test('ends with an error at a registry that forgets every time', async () => {
    const registry = new FakeRegistry((step) => (step === first ? { status: 404 } : undefined));
    await expect(upload(registry)).rejects.toThrow(/does not keep what is uploaded/);
  });

  test('makes pieces as large as the registry asks for', async () => {
    const headers = { location: '/v2/upload', 'oci-chunk-min-length': String(2 * piece) };
    const registry = new FakeRegistry((step, self) => {
      if (step !== 'POST') return undefined;
      self.open = true;
      return { status: 202, headers };
    });
    await upload(registry);
    expect(registry.log).toEqual(['POST', `PATCH 0-${2 * piece - 1}`, 'PUT']);
  });

  test('sends nothing to another host that the registry names', async () => {
    const headers = { location: 'https://elsewhere.test/upload' };
    const registry = new FakeRegistry((step) => (step === 'POST' ? { status: 202, headers } : undefined));
    await expect(upload(registry)).rejects.toMatchObject({ code: 'badAnswer' });
    expect(registry.log).toEqual(['POST']);
  });
});

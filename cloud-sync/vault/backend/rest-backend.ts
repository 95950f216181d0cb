import { createHttpsClient, type HttpsClientOptions } from '../../../lib/https-client.ts';
import { retry, type RetryOptions } from '../../../lib/retry.ts';
import { SyncError } from '../../errors.ts';
import type { ByteRange, CallOptions, FileType, StoredFile, VaultBackend } from './backend.ts';
import { inParallel } from '../in-parallel.ts';
import { RestClient } from './rest-client.ts';
import { parseListing, type ListedFile } from './rest-listing.ts';
import { rangeHeader, readRange } from './rest-range.ts';

export type RestBackendOptions = Pick<HttpsClientOptions, 'ca' | 'identity'> & {
  /** `https://host:port/path/`, http too. A user and a password in it log in. */
  readonly url: string;
  /** Logs in as an operator of a control plane; in place of what the URL says. */
  readonly token?: string;
  /** How often a transient failure is tried again. Default 6 times in about 20 s. */
  readonly retry?: Pick<RetryOptions, 'attempts' | 'minDelayMs' | 'maxDelayMs'>;
};

const listingType = 'application/vnd.x.restic.rest.v2';
const limits = {
  listingBytes: 256 * 2 ** 20,
  /** Of one file, where the caller gives no bound. */
  fileBytes: 256 * 2 ** 20,
  /** A server may need so long to get a large file onto its disk. */
  idleTimeoutMs: 60_000,
  /** Questions for sizes at a time. */
  sizesAtOnce: 8,
};
const defaultRetry = { attempts: 6, minDelayMs: 500, maxDelayMs: 10_000 };

/**
 * A repository behind restic's REST protocol: a control plane, rest-server, `rclone serve restic`. Transient failures are tried again. Each
 * write asks first whether the file is there, as not every server refuses to overwrite.
 * @throws SyncError 'badRequest' for an address that is none
 */
export function openRestBackend(options: RestBackendOptions): VaultBackend {
  const { ca, identity, token, retry: patience = defaultRetry } = options;
  const { base, credentials } = parseUrl(options.url);
  const http = createHttpsClient({
    ...(ca !== undefined && { ca }),
    ...(identity && { identity }),
    idleTimeoutMs: limits.idleTimeoutMs,
  });
  const authorization = token === undefined ? credentials : `Bearer ${token}`;
  const headers = { accept: listingType, ...(authorization !== undefined && { authorization }) };
  const files = new RestFiles(new RestClient({ http, base, headers }));
  const patiently = <T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> =>
    retry(work, { ...patience, signal, isTransient: isTransient });
  return {
    location: `rest:${base}`,
    create: ({ signal }) => patiently(signal, () => files.create(signal)),
    list: (type, { signal }) => patiently(signal, () => files.list(type, signal)),
    read: (type, name, { signal, range, maxBytes = limits.fileBytes }) =>
      patiently(signal, () =>
        range ? files.readRange({ type, name }, range, signal) : files.read({ type, name }, maxBytes, signal),
      ),
    write: (type, name, bytes, { signal }) => {
      const attempts = { made: 0 };
      return patiently(signal, () => files.write({ type, name }, bytes, { signal, attempts }));
    },
    remove: (type, name, { signal }) => patiently(signal, () => files.remove({ type, name }, signal)),
    [Symbol.asyncDispose]: () => http[Symbol.asyncDispose](),
  };
}

const isTransient = (error: unknown) => error instanceof SyncError && error.transient;

function parseUrl(text: string): { readonly base: string; readonly credentials: string | undefined } {
  const url = URL.parse(text);
  const login = url && loginOf(url);
  if (!login || !['http:', 'https:'].includes(url.protocol) || url.search !== '' || url.hash !== '') {
    throw new SyncError('badRequest', 'The address of a REST server is like https://host:8443/vault/DEVICE/');
  }
  [url.username, url.password] = ['', ''];
  const base = url.href.endsWith('/') ? url.href : `${url.href}/`;
  const basic = `Basic ${Buffer.from(login).toString('base64')}`;
  return { base, credentials: login === ':' ? undefined : basic };
}

/** user:password; undefined when they are not URL-encoded. */
function loginOf({ username, password }: URL): string | undefined {
  try {
    return `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  } catch {
    return undefined;
  }
}

type Place = { readonly type: FileType; readonly name: string };

const pathOf = ({ type, name }: Place) => (type === 'config' ? 'config' : `${type}/${name}`);
const describe = ({ type, name }: Place) => (type === 'config' ? type : `${type}/${name.slice(0, 12)}`);

/** One attempt a call. */
class RestFiles {
  readonly #client: RestClient;

  constructor(client: RestClient) {
    this.#client = client;
  }

  async create(signal: AbortSignal): Promise<void> {
    const response = await this.#client.ask({ method: 'POST', path: '?create=true', signal });
    if (response.status >= 300) throw await this.#client.refusal(response, 'the creation of a repository');
    await response.discard();
  }

  async list(type: Exclude<FileType, 'config'>, signal: AbortSignal): Promise<StoredFile[]> {
    const response = await this.#client.ask({ method: 'GET', path: `${type}/`, signal });
    if (response.status === 404) return response.discard().then(() => []);
    if (response.status !== 200) throw await this.#client.refusal(response, `a listing of ${type}`);
    const bytes = await this.#client.during(signal, () => response.bytes(limits.listingBytes));
    const listed = parseListing(this.#parseJson(bytes));
    if (!listed) throw this.#client.badAnswer(`no listing of ${type}`);
    return this.#withSizes(type, listed, signal);
  }

  async read(place: Place, maxBytes: number, signal: AbortSignal): Promise<Buffer> {
    const response = await this.#client.ask({ method: 'GET', path: pathOf(place), signal });
    if (response.status !== 200)
      throw await this.#client.refusal(response, `a request for ${describe(place)}`);
    const bytes = await this.#client.during(signal, () => response.bytes(maxBytes));
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  async readRange(place: Place, range: ByteRange, signal: AbortSignal): Promise<Buffer> {
    if (range.length === 0) return Buffer.alloc(0);
    const headers = { range: rangeHeader(range) };
    const response = await this.#client.ask({ method: 'GET', path: pathOf(place), headers, signal });
    const { status } = response;
    if (status === 416) await response.discard();
    else if (status !== 200 && status !== 206)
      throw await this.#client.refusal(response, `a request for ${describe(place)}`);
    const read =
      status === 416 ? 'short' : await this.#client.during(signal, () => readRange(response, range));
    if (read === 'wrong') throw this.#client.badAnswer(`another part of ${describe(place)}`);
    if (read === 'short') throw tooShort(place, range);
    return read;
  }

  /** `attempts` counts those of one write: what is there after an attempt whose answer was lost is its own. */
  async write(
    place: Place,
    bytes: Uint8Array,
    { signal, attempts }: CallOptions & { attempts: { made: number } },
  ): Promise<void> {
    const present = await this.#size(place, signal);
    if (present !== undefined) {
      if (attempts.made > 0 && (await this.#isOurs(place, bytes, { present, signal }))) return;
      throw isThere(place);
    }
    attempts.made += 1;
    const headers = { 'content-type': 'application/octet-stream' };
    const response = await this.#client.ask({
      method: 'POST',
      path: pathOf(place),
      headers,
      body: bytes,
      signal,
    });
    if (response.status < 300) return response.discard();
    const refusal = await this.#client.refusal(response, `an upload of ${describe(place)}`);
    if (refusal.code !== 'conflict' || attempts.made === 1) throw refusal;
    throw unfinished(refusal);
  }

  async remove(place: Place, signal: AbortSignal): Promise<void> {
    const response = await this.#client.ask({ method: 'DELETE', path: pathOf(place), signal });
    if (response.status < 300 || response.status === 404) return response.discard();
    const refusal = await this.#client.refusal(response, `a removal of ${describe(place)}`);
    throw refusal.code === 'conflict' ? unfinished(refusal) : refusal;
  }

  /** A file that goes in the meantime is left out. */
  async #withSizes(
    type: FileType,
    listed: readonly ListedFile[],
    signal: AbortSignal,
  ): Promise<StoredFile[]> {
    const unsized = listed.filter(({ bytes }) => bytes === undefined);
    const sizes = new Map<string, number | undefined>();
    await inParallel(unsized, limits.sizesAtOnce, async ({ name }) => {
      sizes.set(name, await this.#size({ type, name }, signal));
    });
    return listed.flatMap(({ name, bytes = sizes.get(name), receivedMs }) =>
      bytes === undefined ? [] : [{ name, bytes, receivedMs }],
    );
  }

  /** Undefined when it is not there. */
  async #size(place: Place, signal: AbortSignal): Promise<number | undefined> {
    const response = await this.#client.ask({ method: 'HEAD', path: pathOf(place), signal });
    await response.discard();
    if (response.status === 404) return undefined;
    if (response.status !== 200)
      throw await this.#client.refusal(response, `a question for ${describe(place)}`);
    const bytes = Number(response.headers['content-length'] ?? NaN);
    if (!Number.isSafeInteger(bytes) || bytes < 0)
      throw this.#client.badAnswer(`no size of ${describe(place)}`);
    return bytes;
  }

  /** Names are made of the bytes, but for that of the config: another may have written one of the same size. */
  async #isOurs(
    place: Place,
    bytes: Uint8Array,
    { present, signal }: CallOptions & { readonly present: number },
  ): Promise<boolean> {
    if (present !== bytes.byteLength) return false;
    return place.type !== 'config' || (await this.read(place, present, signal)).equals(bytes);
  }

  #parseJson(bytes: Uint8Array): unknown {
    try {
      return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString());
    } catch (cause) {
      throw this.#client.badAnswer('a listing that is no JSON', cause);
    }
  }
}

const isThere = (place: Place) =>
  new SyncError('conflict', `There is a file ${describe(place)} already`, {
    hint: 'Files of a repository are never overwritten.',
  });

/** The server is still at an attempt before, whose connection broke. */
const unfinished = (refusal: SyncError) =>
  new SyncError('unavailable', refusal.message, { cause: refusal, transient: true });

const tooShort = (place: Place, { offset, length }: ByteRange) =>
  new SyncError('corrupt', `The file ${describe(place)} ends before byte ${offset + length}: it is damaged`);

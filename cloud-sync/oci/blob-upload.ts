import type { Digest } from '../../lib/digest.ts';
import type { HttpsResponse } from '../../lib/https-client.ts';
import { SyncError } from '../errors.ts';
import type { RegistryHttp } from './registry-http.ts';

/** Bytes to push, from memory or from a file. */
export type BlobSource = {
  readonly repository: string;
  readonly digest: Digest;
  readonly size: number;
  /** `length` bytes from `offset` on; no more than a piece is asked for at a time. */
  readonly read: (offset: number, length: number) => Promise<Uint8Array>;
};

type UploadTarget = Pick<RegistryHttp, 'request' | 'origin' | 'host'>;

type UploadOptions = {
  readonly signal: AbortSignal;
  /** Bytes that the registry has. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
  /** Repeats one request after a transient failure. */
  readonly retry: (work: () => Promise<void>) => Promise<void>;
};

/** Larger blobs travel in pieces of this size, so that a lost connection costs one piece. */
const pieceBytes = 4 * 2 ** 20;
/** A registry may ask for larger ones (`OCI-Chunk-Min-Length`). */
const maxPieceBytes = 64 * 2 ** 20;
/** Times that a registry may have forgotten an upload, or be elsewhere in it than it said. */
const maxSetbacks = 3;

/** Resolves when the registry has stored the blob. After a lost connection the registry is asked how much it has. */
export async function uploadBlob(
  http: UploadTarget,
  blob: BlobSource,
  options: UploadOptions,
): Promise<void> {
  const upload = new BlobUpload(http, blob, options);
  while (!upload.done) await options.retry(() => upload.advance());
}

/** Answers of a registry that has forgotten the upload (it was restarted), or has another part of it than was thought. */
const setbacks = [404, 416];

type Session = { readonly location: URL; readonly offset: number };

/** One blob on its way (distribution spec 1.1, "Pushing a blob in chunks"). */
class BlobUpload {
  readonly #http: UploadTarget;
  readonly #blob: BlobSource;
  readonly #options: UploadOptions;
  readonly #what: string;
  #session: Session | undefined;
  /** Something was sent and no answer came: how much of it arrived is unknown. */
  #unsure = false;
  #pieceBytes = pieceBytes;
  #setbacks = 0;
  done = false;

  constructor(http: UploadTarget, blob: BlobSource, options: UploadOptions) {
    this.#http = http;
    this.#blob = blob;
    this.#options = options;
    this.#what = `${blob.repository}@${blob.digest}`;
  }

  /** One step nearer: begins, sends a piece, or finds out where it is. */
  async advance(): Promise<void> {
    if (this.#unsure && this.#session !== undefined) this.#session = await this.#ask(this.#session);
    this.#unsure = false;
    if (this.done) return;
    this.#session ??= await this.#begin();
    this.#options.onProgress?.(this.#session.offset);
    this.#unsure = true;
    const left = this.#blob.size - this.#session.offset;
    if (left > this.#pieceBytes) await this.#sendPiece(this.#session);
    else await this.#finish(this.#session);
  }

  async #begin(): Promise<Session> {
    const answer = await this.#request('POST', `/v2/${this.#blob.repository}/blobs/uploads/`, [202]);
    const least = Number(answer.headers['oci-chunk-min-length'] ?? 0);
    if (least > this.#pieceBytes) this.#pieceBytes = Math.min(least, maxPieceBytes);
    return { location: await this.#location(answer), offset: 0 };
  }

  async #sendPiece({ location, offset }: Session): Promise<void> {
    const piece = await this.#blob.read(offset, this.#pieceBytes);
    const end = offset + piece.byteLength;
    const headers = { 'content-range': `${offset}-${end - 1}` };
    const answer = await this.#request('PATCH', location.href, [202, ...setbacks], { piece, headers });
    if (answer.status !== 202) return this.#setBack(answer);
    this.#session = { location: await this.#location(answer), offset: end };
    this.#unsure = false;
  }

  async #finish({ location, offset }: Session): Promise<void> {
    const { digest, size, read } = this.#blob;
    const last = new URL(location);
    last.searchParams.set('digest', digest);
    const piece = size === offset ? new Uint8Array() : await read(offset, size - offset);
    const answer = await this.#request('PUT', last.href, [201, ...setbacks], { piece });
    if (answer.status !== 201) return this.#setBack(answer);
    await answer.discard();
    this.done = true;
    this.#options.onProgress?.(size);
  }

  /** The next step asks where the upload is. */
  async #setBack(answer: HttpsResponse): Promise<void> {
    await answer.discard();
    this.#setbacks += 1;
    if (this.#setbacks <= maxSetbacks) return;
    throw new SyncError(
      'registry',
      `The registry ${this.#http.host} does not keep what is uploaded of ${this.#what}`,
      {
        hint: 'See the log of the registry.',
      },
    );
  }

  /** Undefined when the registry knows nothing of it any more: it is stored, or has to begin again. */
  async #ask({ location }: Session): Promise<Session | undefined> {
    const answer = await this.#request('GET', location.href, [204, 404]);
    if (answer.status === 204) {
      const [, last] = /^(?:bytes=)?0-([0-9]{1,15})$/.exec(answer.headers.range ?? '') ?? [];
      // An empty upload is `0-0`, too; a piece has more than one byte.
      const offset = last === undefined || last === '0' ? 0 : Number(last) + 1;
      const next = await this.#location(answer);
      return offset <= this.#blob.size ? { location: next, offset } : undefined;
    }
    await answer.discard();
    const path = `/v2/${this.#blob.repository}/blobs/${this.#blob.digest}`;
    const stored = await this.#request('HEAD', path, [200, 404]);
    await stored.discard();
    this.done = stored.status === 200;
    return undefined;
  }

  #request(
    method: 'POST' | 'PATCH' | 'PUT' | 'GET' | 'HEAD',
    path: string,
    expect: readonly number[],
    { piece, headers }: { piece?: Uint8Array; headers?: Record<string, string> } = {},
  ): Promise<HttpsResponse> {
    const type = piece && { 'content-type': 'application/octet-stream' };
    const { signal } = this.#options;
    return this.#http.request({
      method,
      path,
      headers: { ...type, ...headers },
      ...(piece && { body: piece }),
      expect,
      what: this.#what,
      signal,
    });
  }

  /** Where an upload goes on. Another host is refused: the credentials are not its. */
  async #location(answer: HttpsResponse): Promise<URL> {
    await answer.discard();
    const { location } = answer.headers;
    if (location !== undefined && URL.canParse(location, this.#http.origin)) {
      const url = new URL(location, this.#http.origin);
      if (url.origin === this.#http.origin) return url;
    }
    throw new SyncError(
      'badAnswer',
      `The registry ${this.#http.host} does not say where to upload ${this.#what}`,
    );
  }
}

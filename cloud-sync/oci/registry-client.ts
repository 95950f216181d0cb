import { digestOf, isDigest, type Digest } from '../../lib/digest.ts';
import { BodyTooLargeError, type HttpsClient, type HttpsResponse } from '../../lib/https-client.ts';
import { retry } from '../../lib/retry.ts';
import { SyncError } from '../errors.ts';
import type { ByteRange } from './blob-folder.ts';
import { uploadBlob, type BlobSource } from './blob-upload.ts';
import type { BlobWriter } from './blob-writer.ts';
import { manifestMaxBytes, manifestTypes } from './manifest.ts';
import { RateGuard, type RateGuardOptions } from './rate-guard.ts';
import { readBody } from './read-body.ts';
import type { RegistryCredentials } from './registry-auth.ts';
import { RegistryHttp } from './registry-http.ts';
import { RegistryRefusal } from './registry-refusal.ts';

export type RegistryClientOptions = {
  readonly http: HttpsClient;
  /** `https://host[:port]` */
  readonly registryUrl: string;
  readonly credentials?: RegistryCredentials;
  /** Attempts in all for one request, transient failures between; default 4. */
  readonly attempts?: number;
  /** First delay between attempts, default 250 ms; it doubles up to 16 times this. */
  readonly retryDelayMs?: number;
  /** A download slower than this over `rateWindowMs` is ended and resumed; defaults 1024 and 30,000. */
  readonly minBytesPerSecond?: number;
  readonly rateWindowMs?: number;
  /** Milliseconds, monotonic. */
  readonly now?: () => number;
};

export type Cancel = { readonly signal: AbortSignal };
/** `onReceived` gets the bytes of each piece of a body as it comes, whether it turns out good or not. */
export type Transfer = Cancel & { readonly onReceived?: ((bytes: number) => void) | undefined };
type BlobTransfer = Transfer & { readonly onProgress?: ((bytes: number) => void) | undefined };
export type ResolvedManifest = { readonly digest: Digest; readonly size: number; readonly mediaType: string };
export type PulledManifest = ResolvedManifest & { readonly bytes: Uint8Array };
export type BlobRequest = { readonly repository: string; readonly digest: Digest; readonly size: number };
export type BlobPush = { readonly repository: string; readonly digest: Digest; readonly bytes: Uint8Array };
export type ManifestPush = {
  readonly repository: string;
  /** A tag, or the digest of the bytes. */
  readonly reference: string;
  readonly bytes: Uint8Array;
  readonly mediaType: string;
};

const accept = manifestTypes.join(', ');

/**
 * A client of one OCI registry (distribution spec 1.1). What it hands out has the digest that was asked for. [G8]
 * Transient failures are retried here; what comes out is the last of them or a permanent one.
 * Errors: `notFound`, `unauthorized`, `forbidden`, `digestMismatch`, `sizeMismatch`, `tooLarge`, `rateTooLow`,
 * `network`, `badAnswer`, `registry`, and those of the writer.
 */
export class RegistryClient {
  readonly #http: RegistryHttp;
  readonly #options: Required<Omit<RegistryClientOptions, 'http' | 'registryUrl' | 'credentials'>>;

  constructor(options: RegistryClientOptions) {
    this.#http = new RegistryHttp(options);
    this.#options = {
      attempts: options.attempts ?? 4,
      retryDelayMs: options.retryDelayMs ?? 250,
      minBytesPerSecond: options.minBytesPerSecond ?? 1024,
      rateWindowMs: options.rateWindowMs ?? 30_000,
      now: options.now ?? (() => performance.now()),
    };
  }

  /** `host[:port]`, as references name it. */
  get host(): string {
    return this.#http.host;
  }

  /** What a tag points to now. */
  async resolveTag(repository: string, tag: string, { signal }: Cancel): Promise<ResolvedManifest> {
    const what = `${repository}:${tag}`;
    const answer = await this.#retry(signal, () =>
      this.#http.request({
        method: 'HEAD',
        path: `/v2/${repository}/manifests/${tag}`,
        headers: { accept },
        expect: [200],
        what,
        signal,
      }),
    );
    await answer.discard();
    const digest = answer.headers['docker-content-digest'];
    const size = Number(answer.headers['content-length']);
    const mediaType = answer.headers['content-type'];
    if (digest !== undefined && isDigest(digest) && size > 0 && mediaType !== undefined) {
      return { digest, size, mediaType };
    }
    // The header is only recommended: a registry without it gives the manifest, and the bytes tell.
    return this.pullManifest(repository, tag, { signal });
  }

  /** The bytes of a manifest; under a digest they are verified. */
  async pullManifest(
    repository: string,
    reference: string,
    { signal, onReceived, maxBytes = manifestMaxBytes }: Transfer & { readonly maxBytes?: number },
  ): Promise<PulledManifest> {
    const what = `${repository}${isDigest(reference) ? '@' : ':'}${reference}`;
    return this.#retry(signal, async () => {
      const path = `/v2/${repository}/manifests/${reference}`;
      const answer = await this.#http.request({ path, headers: { accept }, expect: [200], what, signal });
      const bytes = await this.#body(answer, maxBytes, what);
      onReceived?.(bytes.byteLength);
      const digest = digestOf(bytes);
      if (isDigest(reference) && digest !== reference) {
        throw new SyncError('digestMismatch', `${what} came with other bytes: they make ${digest}`, {
          hint: 'It was damaged on its way or in the registry; nothing of it was kept.',
        });
      }
      return { bytes, digest, size: bytes.byteLength, mediaType: answer.headers['content-type'] ?? '' };
    });
  }

  /**
   * Downloads a blob into `writer` and commits it: verified while it streams, ended at the first excess byte, resumed
   * after a lost or slow connection. `onProgress` gets the bytes of this blob that are there.
   */
  async pullBlob(blob: BlobRequest, writer: BlobWriter, transfer: BlobTransfer): Promise<void> {
    const resumed = writer.bytesWritten > 0;
    try {
      await this.#retry(transfer.signal, () => this.#download(blob, writer, transfer));
      await writer.commit(blob.digest);
    } catch (error) {
      const damaged = error instanceof SyncError && ['digestMismatch', 'sizeMismatch'].includes(error.code);
      if (!resumed || !damaged) throw error;
      // What an earlier attempt left may be torn by a power cut: once more, from nothing.
      await writer.reset();
      await this.pullBlob(blob, writer, transfer);
    }
  }

  /**
   * A part of a blob, in memory; whether it is the right one is the caller's to see. Rejects with `badAnswer` for a registry
   * that sends no parts.
   */
  pullRange(
    { repository, digest }: Omit<BlobRequest, 'size'>,
    { start, end }: ByteRange,
    transfer: Transfer,
  ): Promise<Buffer> {
    const what = `${repository}@${digest}`;
    const request = { path: `/v2/${repository}/blobs/${digest}`, expect: [200, 206], what } as const;
    return this.#retry(transfer.signal, async () => {
      const headers = { range: `bytes=${start}-${end}` };
      const answer = await this.#http.request({ ...request, headers, signal: transfer.signal });
      if (!startsAt(answer, start)) {
        await answer.discard();
        throw new SyncError('badAnswer', `The registry ${this.host} sends no parts of ${what}`);
      }
      return this.#part(answer, { what, bytes: end - start + 1, onReceived: transfer.onReceived });
    });
  }

  async hasBlob(repository: string, digest: Digest, { signal }: Cancel): Promise<boolean> {
    const path = `/v2/${repository}/blobs/${digest}`;
    const what = `${repository}@${digest}`;
    const answer = await this.#retry(signal, () =>
      this.#http.request({ method: 'HEAD', path, expect: [200, 404], what, signal }),
    );
    await answer.discard();
    return answer.status === 200;
  }

  /** Uploads a blob unless the registry has it; resolves when the registry has stored it. */
  async pushBlob({ bytes, ...blob }: BlobPush, options: Cancel): Promise<{ readonly existed: boolean }> {
    const read = (offset: number, length: number) => Promise.resolve(bytes.subarray(offset, offset + length));
    return this.pushBlobFrom({ ...blob, size: bytes.byteLength, read }, options);
  }

  /** As `pushBlob`, of which a piece at a time is in memory. `onProgress` gets the bytes that the registry has. */
  async pushBlobFrom(
    blob: BlobSource,
    { signal, onProgress }: Cancel & { readonly onProgress?: (bytes: number) => void },
  ): Promise<{ readonly existed: boolean }> {
    const existed = await this.hasBlob(blob.repository, blob.digest, { signal });
    const retry = (work: () => Promise<void>) => this.#retry(signal, work);
    if (!existed) await uploadBlob(this.#http, blob, { signal, onProgress, retry });
    return { existed };
  }

  async pushManifest(manifest: ManifestPush, { signal }: Cancel): Promise<ResolvedManifest> {
    const { repository, reference, bytes, mediaType } = manifest;
    const digest = digestOf(bytes);
    const answer = await this.#retry(signal, () =>
      this.#http.request({
        method: 'PUT',
        path: `/v2/${repository}/manifests/${reference}`,
        headers: { 'content-type': mediaType },
        body: bytes,
        expect: [201],
        what: `${repository}:${reference}`,
        signal,
      }),
    );
    await answer.discard();
    return { digest, size: bytes.byteLength, mediaType };
  }

  async #download(
    { repository, digest, size }: BlobRequest,
    writer: BlobWriter,
    { signal, onProgress, onReceived }: BlobTransfer,
  ): Promise<void> {
    const from = writer.bytesWritten;
    if (from === size && size > 0) return;
    const what = `${repository}@${digest}`;
    const headers: Record<string, string> = from > 0 ? { range: `bytes=${from}-` } : {};
    const path = `/v2/${repository}/blobs/${digest}`;
    const answer = await this.#http.request({ path, headers, expect: [200, 206], what, signal });
    // A registry may ignore the range and send everything again.
    if (from > 0 && !startsAt(answer, from)) await writer.reset();
    try {
      for await (const chunk of this.#watched(answer)) {
        onReceived?.(chunk.byteLength);
        await writer.write(chunk);
        onProgress?.(writer.bytesWritten);
      }
    } catch (error) {
      throw this.#http.failure(error, what);
    }
  }

  async #part(
    answer: HttpsResponse,
    { what, bytes, onReceived }: { what: string; bytes: number; onReceived: Transfer['onReceived'] },
  ): Promise<Buffer> {
    const part = Buffer.allocUnsafeSlow(bytes);
    let at = 0;
    try {
      for await (const chunk of this.#watched(answer)) {
        onReceived?.(chunk.byteLength);
        if (at + chunk.byteLength > bytes) throw new BodyTooLargeError(what, bytes);
        part.set(chunk, at);
        at += chunk.byteLength;
      }
    } catch (error) {
      throw this.#http.failure(error, what);
    }
    if (at === bytes) return part;
    throw new SyncError('badAnswer', `The registry ${this.host} sent ${at} of ${bytes} bytes of ${what}`);
  }

  /** The pieces of a body, until they come too slowly. */
  #watched(answer: HttpsResponse): AsyncIterable<Uint8Array> {
    return new RateGuard(this.#rate()).watch(answer.body);
  }

  #rate(): RateGuardOptions {
    const { minBytesPerSecond, rateWindowMs: windowMs, now } = this.#options;
    return { minBytesPerSecond, windowMs, now };
  }

  async #body(answer: HttpsResponse, maxBytes: number, what: string): Promise<Uint8Array> {
    try {
      return await readBody(answer, { maxBytes, what, rate: this.#rate() });
    } catch (error) {
      throw this.#http.failure(error, what);
    }
  }

  #retry<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const { attempts, retryDelayMs } = this.#options;
    return retry(work, {
      attempts,
      minDelayMs: retryDelayMs,
      maxDelayMs: retryDelayMs * 16,
      signal,
      isTransient: (error) => isWorthAnother(error),
      askedDelayMs: (error) => (error instanceof RegistryRefusal ? error.retryAfterMs : undefined),
    });
  }
}

function isWorthAnother(error: unknown): boolean {
  if (error instanceof RegistryRefusal && !error.isSoon) return false;
  return error instanceof SyncError && error.transient && error.code !== 'diskFull';
}

function startsAt(answer: HttpsResponse, from: number): boolean {
  return answer.status === 206 && (answer.headers['content-range'] ?? '').startsWith(`bytes ${from}-`);
}

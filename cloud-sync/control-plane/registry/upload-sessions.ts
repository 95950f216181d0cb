import { randomUUID } from 'node:crypto';
import type { BlobWriter } from '../../oci/index.ts';
import { Refusal } from './refusal.ts';
import type { RegistryStore } from './registry-store.ts';

export type UploadSessionsOptions = {
  readonly store: Pick<RegistryStore, 'createBlobWriter'>;
  /** Bytes of one blob. */
  readonly maxBlobBytes: number;
  readonly maxSessions: number;
  /** An upload that nobody touches for this long is forgotten. */
  readonly idleMs: number;
  /** Milliseconds. */
  readonly now: () => number;
};

type Session = {
  readonly repository: string;
  readonly writer: BlobWriter;
  usedMs: number;
  busy: boolean;
};

/** Blob uploads in progress. They do not outlive the process: a client whose upload is unknown begins again. */
export class UploadSessions implements AsyncDisposable {
  readonly #options: UploadSessionsOptions;
  readonly #sessions = new Map<string, Session>();
  #isClosed = false;

  constructor(options: UploadSessionsOptions) {
    this.#options = options;
  }

  async begin(repository: string): Promise<string> {
    await this.#expire();
    const { store, maxBlobBytes, maxSessions, now } = this.#options;
    if (this.#sessions.size >= maxSessions) {
      throw new Refusal('TOOMANYREQUESTS', `${maxSessions} uploads are in progress; try again later`);
    }
    const writer = await store.createBlobWriter({ maxBytes: maxBlobBytes });
    if (this.#isClosed) {
      // Nobody would close its file any more, and node ends the process for that when it collects it.
      await writer[Symbol.asyncDispose]();
      throw new Refusal('UNKNOWN', 'The registry is closing', { status: 503 });
    }
    const id = randomUUID();
    this.#sessions.set(id, { repository, writer, usedMs: now(), busy: false });
    return id;
  }

  /** Bytes received so far. */
  offset(repository: string, id: string): number {
    return this.#find(repository, id).writer.bytesWritten;
  }

  /**
   * Gives the upload's writer to `work`, one request at a time. A failure of the writer ends the upload; bytes of a body
   * that broke off stay, and the client asks where to go on.
   */
  async use<T>(repository: string, id: string, work: (writer: BlobWriter) => Promise<T>): Promise<T> {
    const session = this.#find(repository, id);
    if (session.busy) throw new Refusal('BLOB_UPLOAD_INVALID', `Another request is writing upload ${id}`);
    session.busy = true;
    try {
      return await work(session.writer);
    } finally {
      session.busy = false;
      session.usedMs = this.#options.now();
    }
  }

  async end(repository: string, id: string): Promise<void> {
    const session = this.#find(repository, id);
    this.#sessions.delete(id);
    await session.writer[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    for (const { writer } of sessions) await writer[Symbol.asyncDispose]();
  }

  #find(repository: string, id: string): Session {
    const session = this.#sessions.get(id);
    if (session?.repository !== repository) {
      throw new Refusal('BLOB_UPLOAD_UNKNOWN', `There is no upload ${id} in ${repository}; begin it again`);
    }
    return session;
  }

  async #expire(): Promise<void> {
    const { now, idleMs } = this.#options;
    for (const [id, { usedMs, busy, writer }] of this.#sessions) {
      if (busy || now() - usedMs < idleMs) continue;
      this.#sessions.delete(id);
      await writer[Symbol.asyncDispose]();
    }
  }
}

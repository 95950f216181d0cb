import { SyncError } from '../errors.ts';
import type { CallOptions, StoredFile, VaultBackend } from './backend/backend.ts';
import { nsOfRfc3339 } from './format/rfc3339.ts';
import type { Sealer } from './format/sealer.ts';
import type { Snapshot, SnapshotDocument } from './format/snapshot-document.ts';
import { decodeSnapshot, maxSnapshotBytes } from './format/snapshot-file.ts';
import { inParallel } from './in-parallel.ts';
import { readStored, rethrowNamed } from './read-stored.ts';

const filesAtOnce = 8;
const minPrefix = 4;

type OnDamaged = (id: string, error: Error) => void;

/** Lists and reads snapshot files; what was read once is kept, for their bytes never change. */
export class SnapshotReader {
  readonly #backend: VaultBackend;
  readonly #sealer: Sealer;
  readonly #documents = new Map<string, SnapshotDocument>();

  constructor(backend: VaultBackend, sealer: Sealer) {
    this.#backend = backend;
    this.#sealer = sealer;
  }

  /** Oldest first, by their own time. */
  async all({ signal, onDamaged }: CallOptions & { readonly onDamaged?: OnDamaged }): Promise<Snapshot[]> {
    const files = await this.#backend.list('snapshots', { signal });
    this.#forget(files);
    const snapshots = await inParallel(files, filesAtOnce, (file) =>
      this.#readListed(file, signal, onDamaged),
    );
    const found = snapshots.filter((snapshot) => snapshot !== undefined);
    return found.sort((one, other) => compareTimes(one, other) || (one.id < other.id ? -1 : 1));
  }

  async one(id: string, { signal }: CallOptions): Promise<Snapshot> {
    const file = (await this.#backend.list('snapshots', { signal })).find(({ name }) => name === id);
    if (file === undefined) throw this.#notFound(id);
    return this.#read(file, signal);
  }

  async find(
    text: string,
    { signal, among = () => true }: CallOptions & { readonly among?: (snapshot: Snapshot) => boolean },
  ): Promise<Snapshot> {
    if (text === 'latest') {
      const latest = (await this.all({ signal })).findLast(among);
      if (latest === undefined) throw this.#notFound(text);
      return latest;
    }
    const found = await this.#read(await this.#fileOf(text, signal), signal);
    if (!among(found)) throw this.#notFound(text);
    return found;
  }

  async #fileOf(text: string, signal: AbortSignal): Promise<StoredFile> {
    if (!/^[0-9a-f]+$/.test(text) || text.length < minPrefix) {
      throw new SyncError('badRequest', `"${text}" names no snapshot`, {
        hint: `Give its id, the first ${minPrefix} digits or more of it, or "latest".`,
      });
    }
    const files = await this.#backend.list('snapshots', { signal });
    const [file, another] = files.filter(({ name }) => name.startsWith(text));
    if (file === undefined) throw this.#notFound(text);
    if (another === undefined) return file;
    throw new SyncError('badRequest', `Several snapshots begin with ${text}`, { hint: 'Give more digits.' });
  }

  async #readListed(
    file: StoredFile,
    signal: AbortSignal,
    onDamaged: OnDamaged | undefined,
  ): Promise<Snapshot | undefined> {
    try {
      return await this.#read(file, signal);
    } catch (error) {
      if (!(error instanceof SyncError)) throw error;
      // Forgotten since it was listed.
      if (error.code === 'notFound') return undefined;
      // Nobody wrote one that is too large as a snapshot.
      const isDamaged = error.code === 'corrupt' || error.code === 'tooLarge';
      if (!isDamaged || onDamaged === undefined) throw error;
      onDamaged(file.name, error);
      return undefined;
    }
  }

  async #read({ name, receivedMs }: StoredFile, signal: AbortSignal): Promise<Snapshot> {
    const known = this.#documents.get(name);
    if (known !== undefined) return { id: name, document: known, receivedMs };
    const bytes = await readStored(this.#backend, {
      type: 'snapshots',
      name,
      maxBytes: maxSnapshotBytes,
      signal,
    });
    const document = this.#decode(name, bytes);
    this.#documents.set(name, document);
    return { id: name, document, receivedMs };
  }

  #decode(name: string, bytes: Buffer): SnapshotDocument {
    try {
      return decodeSnapshot(this.#sealer, bytes);
    } catch (error) {
      return rethrowNamed(error, `snapshot ${name}`);
    }
  }

  #forget(files: readonly StoredFile[]): void {
    const names = new Set(files.map(({ name }) => name));
    for (const name of this.#documents.keys()) if (!names.has(name)) this.#documents.delete(name);
  }

  #notFound(text: string): SyncError {
    return new SyncError('notFound', `There is no snapshot "${text}" in ${this.#backend.location}`, {
      hint: 'List the snapshots to see what there is.',
    });
  }
}

function compareTimes(one: Snapshot, other: Snapshot): number {
  return Number(nsOfRfc3339(one.document.time) - nsOfRfc3339(other.document.time));
}

import type { BlobId } from '../format/blob-id.ts';
import { packedFacts, type PackedFacts } from './file-facts.ts';
import type { FolderEntries } from './folder-entries.ts';
import {
  maxBatchBytes,
  maxBatchFiles,
  maxWaitingFiles,
  minBatchBytes,
  minBatchFiles,
} from './snapshot-limits.ts';
import type { FileNote, FilesRead } from './thread-messages.ts';

export type FileContent = Omit<FileNote, 'file'> & {
  readonly content: readonly BlobId[];
  readonly size: number;
};

export type FileJob = {
  /** Divided by NUL. */
  readonly paths: string;
  readonly facts: PackedFacts;
  readonly done: (read: FilesRead) => void;
};

/** Files of one folder that are to be read. */
type Request = {
  readonly folder: string;
  readonly entries: FolderEntries;
  readonly which: readonly number[];
  readonly contents: FileContent[];
  left: number;
  readonly resolve: (contents: readonly FileContent[]) => void;
};

/** The `place`th file of a request. */
type QueuedFile = { readonly request: Request; readonly place: number };

/**
 * Files that wait to be read. Jobs are made of them when a thread asks: a message a file would cost more than a small file's reading.
 * Large files come first: one that comes last keeps one thread at work while the others have nothing to do.
 */
export class FileQueue {
  readonly #onWaiting: () => void;
  readonly #large: QueuedFile[] = [];
  readonly #requests: Request[] = [];
  /** The next file of the first request. */
  #place = 0;
  #waiting = 0;
  /** Of those that no job has yet, large ones left out. */
  readonly #small = { files: 0, bytes: 0 };
  #hasEnded = false;
  #room = Promise.withResolvers<undefined>();

  /** `onWaiting`: there is something to ask for. */
  constructor(onWaiting: () => void) {
    this.#onWaiting = onWaiting;
  }

  /** What is in the files with these numbers, in their order. */
  read(folder: string, entries: FolderEntries, which: readonly number[]): Promise<readonly FileContent[]> {
    this.#waiting += which.length;
    return new Promise((resolve) => {
      const request = { folder, entries, which, contents: [], left: which.length, resolve };
      this.#requests.push(request);
      for (const [place, index] of which.entries()) {
        const size = entries.sizeAt(index);
        if (isLarge(size)) this.#large.push({ request, place });
        else this.#count(1, size);
      }
      this.#onWaiting();
    });
  }

  /** Resolves when not too many files wait, or none will be asked for any more. */
  async room(): Promise<void> {
    while (this.#waiting > maxWaitingFiles) await this.#room.promise;
  }

  /** No more files come: jobs are made of what there is. */
  end(): void {
    this.#hasEnded = true;
    if (this.#waiting > 0) this.#onWaiting();
  }

  /** Lets go who waits for room. */
  close(): void {
    this.#waiting = -Infinity;
    this.#room.resolve(undefined);
  }

  /** For a thread that has or has not got one. Undefined until there are files enough for it, or no more come. */
  nextJob(whose: 'idle' | 'busy'): FileJob | undefined {
    const large = this.#large.shift();
    const files = large === undefined ? this.#nextBatch(whose) : [large];
    if (files.length === 0) return undefined;
    const facts = packedFacts(files.length);
    const paths = files.map(({ request: { folder, entries, which }, place }, at) => {
      const packed = entries.packedAt(which[place] ?? 0);
      facts.set(packed, at * packed.length);
      return `${folder}/${entries.names[which[place] ?? 0] ?? ''}`;
    });
    return { paths: paths.join('\0'), facts, done: (read) => this.#answer(files, read) };
  }

  #isWorthwhile(whose: 'idle' | 'busy'): boolean {
    const [files, bytes] = whose === 'idle' ? [minBatchFiles, minBatchBytes] : [maxBatchFiles, maxBatchBytes];
    return this.#hasEnded || this.#small.files >= files || this.#small.bytes >= bytes;
  }

  #nextBatch(whose: 'idle' | 'busy'): QueuedFile[] {
    const files: QueuedFile[] = [];
    let bytes = 0;
    if (!this.#isWorthwhile(whose)) return files;
    for (let request = this.#requests[0]; request !== undefined; request = this.#requests[0]) {
      for (; this.#place < request.which.length; this.#place += 1) {
        if (files.length >= maxBatchFiles || bytes >= maxBatchBytes) return files;
        const size = request.entries.sizeAt(request.which[this.#place] ?? 0);
        if (isLarge(size)) continue;
        files.push({ request, place: this.#place });
        bytes += size;
        this.#count(-1, -size);
      }
      this.#requests.shift();
      this.#place = 0;
    }
    return files;
  }

  #count(files: number, bytes: number): void {
    this.#small.files += files;
    this.#small.bytes += bytes;
  }

  #answer(files: readonly QueuedFile[], { blobCounts, sizes, ids, notes }: FilesRead): void {
    const bytes = Buffer.from(ids.buffer, ids.byteOffset, ids.byteLength);
    const noted = new Map(notes.map(({ file, ...note }) => [file, note]));
    let at = 0;
    for (const [index, { request, place }] of files.entries()) {
      const end = at + 32 * (blobCounts[index] ?? 0);
      const content: BlobId[] = [];
      for (; at < end; at += 32) content.push(bytes.toString('hex', at, at + 32) as BlobId);
      request.contents[place] = { content, size: sizes[index] ?? 0, ...noted.get(index) };
      request.left -= 1;
      if (request.left === 0) request.resolve(request.contents);
    }
    this.#waiting -= files.length;
    this.#room.resolve(undefined);
    this.#room = Promise.withResolvers();
  }
}

function isLarge(size: number): boolean {
  return size > maxBatchBytes;
}

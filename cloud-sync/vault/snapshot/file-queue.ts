import type { BlobId } from '../format/blob-id.ts';
import { factNames, type FileFacts } from './file-facts.ts';
import { maxBatchBytes, maxBatchFiles, maxWaitingFiles } from './snapshot-limits.ts';
import type { FileJob } from './snapshot-threads.ts';
import type { FileNote, FilesRead } from './thread-messages.ts';

export type FileContent = Omit<FileNote, 'file'> & {
  readonly content: readonly BlobId[];
  readonly size: number;
};

type WaitingFile = {
  readonly path: string;
  readonly facts: FileFacts;
  readonly resolve: (content: FileContent) => void;
  readonly reject: (error: unknown) => void;
};

/** Gathers files into jobs for the threads: a message a file would cost more than a small file's reading. */
export class FileQueue {
  readonly #readJob: (job: FileJob) => Promise<FilesRead>;
  #batch: WaitingFile[] = [];
  #batchBytes = 0;
  #waiting = 0;
  #room = Promise.withResolvers<undefined>();

  /** `readJob` answers when a thread has read all of a job's files. */
  constructor(readJob: (job: FileJob) => Promise<FilesRead>) {
    this.#readJob = readJob;
  }

  /** Answered some time after `flush` was called at the latest. */
  read(path: string, facts: FileFacts): Promise<FileContent> {
    this.#waiting += 1;
    return new Promise((resolve, reject) => {
      const file = { path, facts, resolve, reject };
      if (Number(facts.size) > maxBatchBytes) return void this.#send([file], true);
      this.#batch.push(file);
      this.#batchBytes += Number(facts.size);
      if (this.#batch.length >= maxBatchFiles || this.#batchBytes >= maxBatchBytes) this.flush();
    });
  }

  flush(): void {
    const batch = this.#batch;
    this.#batch = [];
    this.#batchBytes = 0;
    if (batch.length > 0) void this.#send(batch, false);
  }

  /** Resolves when not too many files wait. */
  async room(): Promise<void> {
    while (this.#waiting > maxWaitingFiles) await this.#room.promise;
  }

  async #send(files: readonly WaitingFile[], first: boolean): Promise<void> {
    const facts = new BigInt64Array(files.length * factNames.length);
    for (const [at, file] of files.entries()) {
      for (const [index, name] of factNames.entries())
        facts[at * factNames.length + index] = file.facts[name];
    }
    try {
      const read = await this.#readJob({ paths: files.map(({ path }) => path).join('\0'), facts, first });
      answer(files, read);
    } catch (error) {
      for (const file of files) file.reject(error);
    }
    this.#waiting -= files.length;
    this.#room.resolve(undefined);
    this.#room = Promise.withResolvers();
  }
}

function answer(files: readonly WaitingFile[], { blobCounts, sizes, ids, notes }: FilesRead): void {
  const hex = Buffer.from(ids.buffer, ids.byteOffset, ids.byteLength);
  const noted = new Map(notes.map(({ file, ...note }) => [file, note]));
  let at = 0;
  for (const [index, file] of files.entries()) {
    const content = Array.from({ length: blobCounts[index] ?? 0 }, () => {
      at += 32;
      return hex.toString('hex', at - 32, at) as BlobId;
    });
    file.resolve({ content, size: sizes[index] ?? 0, ...noted.get(index) });
  }
}

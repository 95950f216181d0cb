import { SyncError } from '../../errors.ts';
import { inParallel } from '../in-parallel.ts';
import type { Repository } from '../repository.ts';
import { planReads, type PackRead } from './plan-reads.ts';
import type { RestoreMeter } from './restore-meter.ts';
import { unreadableCode } from './scan-tree.ts';
import type { Chunk, StagedFile } from './staged-tree.ts';
import type { FileProblems } from './file-problems.ts';
import type { ThreadPool } from './thread-pool.ts';
import type { FinishJob, JobBlob, JobFile, JobPart, RestoreResult, WriteJob } from './thread-jobs.ts';

export type WriteContext = {
  readonly repository: Repository;
  readonly pool: ThreadPool;
  /** Puts on the disk what was written so far. */
  readonly sync: () => Promise<void>;
  readonly meter: RestoreMeter;
  readonly problems: FileProblems;
  readonly signal: AbortSignal;
};

/** Files that are given their attributes by one job. */
const filesAFinish = 256;

/** From so many reads on what was written is synced once before the end, when this share of them is done. */
const readsWorthSync = 64;
const syncAfter = 0.75;

/** Where a blob goes: the index of a file and the position in it, then those of the next. Numbers, for there are many. */
type Targets = number[];

/**
 * Fills the files of `tree`: each stretch of a pack is read once, its blobs are opened in threads and written to all places that
 * need them. `present`: by file, which of its chunks the staging folder has already. What cannot be read or written is in `problems`.
 */
export async function writeFiles(
  files: readonly StagedFile[],
  present: ReadonlyMap<number, ReadonlySet<number>>,
  context: WriteContext,
): Promise<void> {
  await new FileFiller(files, present, context).run();
}

class FileFiller {
  readonly #files: readonly StagedFile[];
  readonly #present: ReadonlyMap<number, ReadonlySet<number>>;
  readonly #context: WriteContext;
  readonly #targets = new Map<Chunk, Targets>();
  /** Chunks that files of several still need. */
  readonly #open = new Map<number, number>();
  #whole: FinishJob['files'][number][] = [];
  /** Jobs that are waited for at the end. */
  readonly #inBackground: Promise<unknown>[] = [];
  #failed: Promise<unknown> | undefined;
  readonly #gonePacks = new Set<string>();

  constructor(
    files: readonly StagedFile[],
    present: ReadonlyMap<number, ReadonlySet<number>>,
    context: WriteContext,
  ) {
    this.#files = files;
    this.#present = present;
    this.#context = context;
  }

  async run(): Promise<void> {
    for (const [index, file] of this.#files.entries()) this.#plan(index, file, this.#present.get(index));
    const reads = planReads(this.#targets.keys());
    const syncAt = reads.length < readsWorthSync ? -1 : Math.floor(reads.length * syncAfter);
    let done = 0;
    await inParallel(reads, 2 * this.#context.pool.size + 1, async (read) => {
      await this.#fill(read);
      if (++done === syncAt) this.#syncEarly();
    });
    this.#flushFinished();
    await Promise.all(this.#inBackground);
  }

  /** The disk has most of it then while the last is still written, and the sync at the end has little to wait for. */
  #syncEarly(): void {
    this.#runInBackground(this.#context.sync());
  }

  /** A failure is seen by the next read, and when all are waited for. */
  #runInBackground(job: Promise<unknown>): void {
    job.catch(() => {
      this.#failed = job;
    });
    this.#inBackground.push(job);
  }

  #plan(index: number, { chunks, bytes }: StagedFile, present: ReadonlySet<number> = new Set()): void {
    let position = 0;
    for (const [place, chunk] of chunks.entries()) {
      if (!present.has(place)) {
        const targets = this.#targets.get(chunk);
        if (targets === undefined) this.#targets.set(chunk, [index, position]);
        else targets.push(index, position);
      }
      position += chunk.plainBytes;
    }
    const missing = chunks.length - present.size;
    if (missing === 0) {
      this.#context.meter.add(1, 0);
      this.#finish(index, bytes);
    } else if (chunks.length > 1) this.#open.set(index, missing);
  }

  async #fill(read: PackRead): Promise<void> {
    const { signal } = this.#context;
    signal.throwIfAborted();
    await this.#failed;
    const bytes = await this.#read(read);
    if (bytes === undefined) {
      for (const chunk of read.chunks) await this.#rescue(chunk);
      return;
    }
    const blobs = read.chunks.map((chunk) => this.#blob(chunk, chunk.offset - read.offset));
    const result = await this.#write({ kind: 'write', bytes: owned(bytes), sealed: true, blobs });
    const damaged = new Set(result.damaged);
    for (const [place, chunk] of read.chunks.entries()) {
      if (damaged.has(place)) await this.#rescue(chunk);
      else this.#done(chunk);
    }
  }

  /** Undefined when not all of it can be read: then each blob is asked for by itself, so that one does not take others with it. */
  async #read({ pack, offset, length }: PackRead): Promise<Buffer | undefined> {
    const { repository, signal } = this.#context;
    if (this.#gonePacks.has(pack)) return undefined;
    try {
      return await repository.backend.read('data', pack, { signal, range: { offset, length } });
    } catch (error) {
      const code = unreadableCode(error);
      if (code === undefined) throw error;
      if (code === 'missing') this.#gonePacks.add(pack);
      return undefined;
    }
  }

  /** From wherever else the index knows it; else every file that needs it, and no other, is given up. */
  async #rescue(chunk: Chunk): Promise<void> {
    const { repository, signal, problems } = this.#context;
    try {
      const plain = await repository.readBlob(chunk.id, 'data', { signal });
      requireLength(chunk, plain);
      const blob = { ...this.#blob(chunk, 0), length: plain.length };
      await this.#write({ kind: 'write', bytes: owned(plain), sealed: false, blobs: [blob] });
      this.#done(chunk);
    } catch (error) {
      const code = unreadableCode(error);
      if (code === undefined) throw error;
      for (const [file] of this.#targetsOf(chunk)) problems.leaveOut(file, code, (error as Error).message);
    }
  }

  async #write(job: WriteJob): Promise<RestoreResult> {
    const result = await this.#context.pool.run(job);
    for (const { index, code, message } of result.failures) {
      if (code === 'unwritable') this.#context.problems.leaveOut(index, code, message);
      else this.#context.problems.attribute(index, message);
    }
    return result;
  }

  #blob(chunk: Chunk, start: number): JobBlob {
    const whole: JobFile[] = [];
    const parts = new Map<number, JobPart>();
    for (const [index, position] of this.#targetsOf(chunk)) {
      const { path, attributes, chunks } = this.#file(index);
      const part = parts.get(index);
      if (chunks.length === 1) whole.push({ index, path, attributes });
      else if (part === undefined) parts.set(index, { index, path, positions: [position] });
      else part.positions.push(position);
    }
    const { id, length, uncompressedLength } = chunk;
    return { id, start, length, uncompressedLength, whole, parts: [...parts.values()] };
  }

  #done(chunk: Chunk): void {
    for (const [index] of this.#targetsOf(chunk)) {
      const file = this.#file(index);
      const open = this.#open.get(index);
      if (open === undefined) this.#context.meter.add(1, chunk.plainBytes);
      else {
        this.#open.set(index, open - 1);
        this.#context.meter.add(open === 1 ? 1 : 0, chunk.plainBytes);
        if (open === 1) this.#finish(index, file.bytes);
      }
    }
    this.#targets.delete(chunk);
  }

  /** Only what is whole comes here. */
  #finish(index: number, bytes: number): void {
    const { path, attributes } = this.#file(index);
    this.#whole.push({ index, path, attributes, bytes });
    if (this.#whole.length >= filesAFinish) this.#flushFinished();
  }

  #flushFinished(): void {
    const files = this.#whole.filter(({ index }) => !this.#context.problems.isLeftOut(index));
    this.#whole = [];
    if (files.length === 0) return;
    this.#runInBackground(this.#runFinish({ kind: 'finish', files }));
  }

  async #runFinish(job: FinishJob): Promise<void> {
    const { failures } = await this.#context.pool.run(job);
    for (const { index, code, message } of failures) {
      if (code === 'unwritable') this.#context.problems.leaveOut(index, code, message);
      else this.#context.problems.attribute(index, message);
    }
  }

  #file(index: number): StagedFile {
    const file = this.#files[index];
    if (file === undefined) throw new RangeError(`There is no file ${index} to restore`);
    return file;
  }

  /** Files by their index, each with a position. */
  *#targetsOf(chunk: Chunk): Generator<[number, number]> {
    const targets = this.#targets.get(chunk) ?? [];
    for (let at = 0; at < targets.length; at += 2) yield [targets[at] ?? 0, targets[at + 1] ?? 0];
  }
}

/** [G8] Where all else of its files goes was reckoned with the length that one index file says. */
function requireLength({ id, plainBytes, pack }: Chunk, { length }: Buffer): void {
  if (length === plainBytes) return;
  throw new SyncError(
    'damaged',
    `Blob ${id} has ${length} bytes, the index says ${plainBytes} for pack ${pack}`,
    {
      hint: 'Repair the index, then restore again: holdfast vault repair index --read-data.',
    },
  );
}

/** Bytes that can be handed to a thread: an ArrayBuffer with nothing else in it. */
function owned(bytes: Buffer): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
}

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import type { Posix } from '../../../lib/posix.ts';
import { blobLengths, Chunker } from '../chunker/find-cut.ts';
import type { Gear } from '../chunker/gear.ts';
import { readAttributes, type Attributes } from './extended-attributes.ts';
import { factNames, factsOf, type FileFacts } from './file-facts.ts';
import { fileProblem } from './file-problem.ts';
import { rawPath } from './raw-path.ts';
import type { FileNote } from './thread-messages.ts';

export type ReadFile = {
  readonly ids: readonly Buffer[];
  readonly size: number;
  readonly note?: Omit<FileNote, 'file'>;
};

export type FileReaderOptions = {
  readonly gear: Gear;
  readonly posix: Posix | undefined;
  /** Takes a blob and gives its id; the bytes are written over afterwards. */
  readonly addBlob: (plain: Uint8Array) => Buffer;
  readonly onBytes: (count: number) => void;
};

/** Never through a link that was put there since, never waiting for the other end of a fifo. */
const openFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;
/** More than the longest chunk: each filling up adds what lies between. */
const windowBytes = blobLengths.maxBytes + 4 * 1024 * 1024;

/** Reads files, one at a time, and cuts them into blobs. */
export class FileReader {
  readonly #options: FileReaderOptions;
  readonly #chunker: Chunker;

  constructor(options: FileReaderOptions) {
    this.#options = options;
    this.#chunker = new Chunker(options.gear, { windowBytes, lengths: blobLengths });
  }

  /** What was under `path`; `seen` is what the walker saw there. Throws nothing that the file is the cause of. */
  read(path: string, seen: FileFacts): ReadFile {
    const raw = rawPath(path);
    let descriptor: number;
    try {
      descriptor = openSync(raw, openFlags);
    } catch (error) {
      return notTaken(error);
    }
    try {
      return this.#readOpen(descriptor, seen, readAttributes(this.#options.posix, descriptor));
    } catch (error) {
      return notTaken(error);
    } finally {
      closeSync(descriptor);
    }
  }

  #readOpen(descriptor: number, seen: FileFacts, { attributes, lost }: Attributes): ReadFile {
    const stats = fstatSync(descriptor, { bigint: true });
    if (!stats.isFile()) return { ids: [], size: 0, note: { problem: becameOther } };
    const before = factsOf(stats);
    const { ids, size } = this.#cut(descriptor, Number(before.size));
    const after = fstatSync(descriptor, { bigint: true });
    const changed =
      size !== Number(after.size) || after.mtimeNs !== before.mtimeNs || after.ctimeNs !== before.ctimeNs;
    const note = {
      ...(factNames.every((name) => seen[name] === before[name]) ? {} : { facts: before }),
      ...(attributes.length === 0 ? {} : { attributes }),
      ...(lost.length === 0 ? {} : { lost }),
      ...(changed ? { problem: changedWhileRead } : {}),
    };
    return Object.keys(note).length === 0 ? { ids, size } : { ids, size, note };
  }

  /** Up to the length the file had when it was opened: one that grows all the time would never end. */
  #cut(descriptor: number, length: number): { ids: Buffer[]; size: number } {
    const { addBlob } = this.#options;
    const { window } = this.#chunker;
    const ids: Buffer[] = [];
    let size = 0;
    let start = 0;
    let end = 0;
    for (;;) {
      if (end - start < blobLengths.maxBytes && size < length) {
        window.copyWithin(0, start, end);
        end -= start;
        start = 0;
        const count = this.#fill(descriptor, end, Math.min(windowBytes, end + length - size));
        if (count === 0) length = size;
        size += count;
        end += count;
        if (count > 0) continue;
      }
      if (start === end) return { ids, size };
      const cut = this.#chunker.findCut(start, end);
      ids.push(addBlob(window.subarray(start, cut)));
      start = cut;
    }
  }

  #fill(descriptor: number, from: number, until: number): number {
    const count = from === until ? 0 : readSync(descriptor, this.#chunker.window, from, until - from, null);
    this.#options.onBytes(count);
    return count;
  }
}

const becameOther = { code: 'changed', message: 'It was replaced by something that is no file.' } as const;
const changedWhileRead = { code: 'changed', message: 'It was written to while it was read.' } as const;

function notTaken(error: unknown): ReadFile {
  return { ids: [], size: 0, note: { problem: fileProblem(error) } };
}

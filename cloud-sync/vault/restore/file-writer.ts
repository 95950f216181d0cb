import { closeSync, constants, ftruncateSync, openSync, writeSync } from 'node:fs';
import { applyAttributes, type AttributeContext } from './apply-attributes.ts';
import { dataRuns } from './data-runs.ts';
import { DirectWriter } from './direct-writer.ts';
import { rawPath } from '../snapshot/raw-path.ts';
import type { JobFile, JobPart } from './thread-jobs.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
/** Until all is in place nobody else is to read it. */
const stagedMode = 0o600;

type OpenFile = { readonly file: number; readonly raw: string | Buffer };

/**
 * Fills files below a staging folder. No path leads through a symbolic link: folders there are made by the restore alone, in a folder
 * closed to others, and links come after the last file.
 */
export class FileWriter {
  readonly #root: string;
  readonly #sparse: boolean;
  readonly #context: AttributeContext;
  readonly #direct = new DirectWriter();

  constructor(root: string, sparse: boolean, context: AttributeContext) {
    this.#root = root;
    this.#sparse = sparse;
    this.#context = context;
  }

  /** A new file of one blob. Returns what of its attributes could not be set. */
  writeWhole({ path, attributes }: JobFile, bytes: Uint8Array): string[] {
    const raw = this.#path(path);
    const file = openSync(raw, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, stagedMode);
    try {
      this.#write({ file, raw }, bytes, 0);
      if (this.#sparse && bytes.at(-1) === 0) ftruncateSync(file, bytes.length);
      return applyAttributes({ path: raw, file }, attributes, { ...this.#context, isLink: false });
    } finally {
      closeSync(file);
    }
  }

  /** One blob of a file that was created before: see `createFiles`. */
  writePart({ path, positions }: JobPart, bytes: Uint8Array): void {
    const raw = this.#path(path);
    const file = openSync(raw, O_WRONLY | O_NOFOLLOW);
    try {
      for (const position of positions) this.#write({ file, raw }, bytes, position);
    } finally {
      closeSync(file);
    }
  }

  /** Makes its size `bytes`; an empty file need not be there. Returns what of its attributes could not be set. */
  finish({ path, attributes, bytes }: JobFile & { readonly bytes: number }): string[] {
    const raw = this.#path(path);
    const file = openSync(raw, O_WRONLY | O_NOFOLLOW | (bytes === 0 ? O_CREAT : 0), stagedMode);
    try {
      ftruncateSync(file, bytes);
      return applyAttributes({ path: raw, file }, attributes, { ...this.#context, isLink: false });
    } finally {
      closeSync(file);
    }
  }

  #write({ file, raw }: OpenFile, bytes: Uint8Array, position: number): void {
    const open = (flag: number) => openSync(raw, O_WRONLY | O_NOFOLLOW | flag);
    const runs = this.#sparse ? dataRuns(bytes, position) : [{ start: 0, end: bytes.length }];
    for (const { start, end } of runs) {
      const direct = this.#direct.write(open, bytes.subarray(start, end), position + start);
      writeAll(file, bytes, position, start, start + direct.start);
      writeAll(file, bytes, position, start + direct.end, end);
    }
  }

  #path(path: string): string | Buffer {
    return rawPath(`${this.#root}/${path}`);
  }
}

/** What of `bytes`, as they were read from `position`, is no zeros becomes zeros: for what leaves out zeros later. */
export function clearData(file: number, bytes: Uint8Array, position: number): void {
  const zeros = Buffer.alloc(bytes.length);
  for (const { start, end } of dataRuns(bytes, position)) writeAll(file, zeros, position, start, end);
}

/** The kernel may take less than it is given. */
function writeAll(file: number, bytes: Uint8Array, position: number, start: number, end: number): void {
  for (let at = start; at < end;) at += writeSync(file, bytes, at, end - at, position + at);
}

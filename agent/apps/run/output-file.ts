import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs';
import { errorCode } from '../../../lib/error-code.ts';
import type { Posix } from '../../../lib/posix.ts';
import { LineSplitter } from './line-splitter.ts';

/** Read at one look: a flood is read at 40 MiB a second, and the agent has time for other things. */
const maxBytesALook = 4 * 2 ** 20;
/** More than this behind, for an agent that was away or an app that floods, and the oldest is skipped. */
const maxBehindBytes = 16 * 2 ** 20;
/** Read space is given back when there is as much. */
const freeBytes = 2 ** 20;
/** Of a file system, or a multiple. */
const blockBytes = 65_536;

const chunk = Buffer.alloc(65_536);

type OutputFileOptions = {
  readonly path: string;
  /** Where an earlier agent had come to. */
  readonly offset: number;
  readonly posix: Posix | undefined;
  readonly onLine: (text: string) => void;
  /** Bytes that were skipped unread. */
  readonly onSkipped: (bytes: number) => void;
};

/**
 * One output file of an app, which the app appends to: each line once, the read part's space given back. By a hole where the file system
 * and node can make one, and nothing is lost then. Else by cutting the file when all of it has been read: what is written in the
 * microseconds between is lost.
 */
export class OutputFile {
  readonly #options: OutputFileOptions;
  readonly #file: number;
  readonly #lines: LineSplitter;
  #offset: number;
  #freed: number;
  #canPunch: boolean;

  constructor(options: OutputFileOptions) {
    this.#options = options;
    this.#file = openSync(options.path, constants.O_RDWR | constants.O_CREAT, 0o600);
    this.#lines = new LineSplitter(options.onLine);
    this.#offset = options.offset;
    this.#freed = options.offset - (options.offset % blockBytes);
    this.#canPunch = options.posix !== undefined;
  }

  /** A later agent goes on here: the start of the first line that has not been given whole. */
  get position(): number {
    return this.#offset - this.#lines.pendingBytes;
  }

  /** Gives the lines that have come. Whether there is more. */
  look(): boolean {
    const { size } = fstatSync(this.#file);
    if (size < this.#offset) this.#offset = this.#freed = 0;
    if (size - this.#offset > maxBehindBytes) this.#skipTo(size - maxBehindBytes / 2);
    let left = maxBytesALook;
    while (left > 0 && this.#offset < size) {
      const bytes = readSync(this.#file, chunk, 0, Math.min(chunk.length, left), this.#offset);
      if (bytes === 0) break;
      this.#offset += bytes;
      left -= bytes;
      this.#lines.push(chunk.subarray(0, bytes));
    }
    this.#free(size);
    return this.#offset < size;
  }

  /** To its end, when nobody writes any more. */
  finish(): void {
    while (this.look());
    this.#lines.end();
  }

  close(): void {
    closeSync(this.#file);
  }

  #skipTo(offset: number): void {
    this.#lines.end();
    this.#options.onSkipped(offset - this.#offset);
    this.#offset = offset;
  }

  #free(size: number): void {
    if (this.#canPunch) this.#punch();
    else if (this.position === size && size > freeBytes) {
      ftruncateSync(this.#file, 0);
      this.#offset = 0;
    }
  }

  #punch(): void {
    const end = this.position - (this.position % blockBytes);
    if (end - this.#freed < freeBytes) return;
    try {
      this.#options.posix?.punchHole(this.#file, this.#freed, end - this.#freed);
      this.#freed = end;
    } catch (error) {
      if (errorCode(error) !== 'ENOTSUP' && errorCode(error) !== 'ENOSYS') throw error;
      this.#canPunch = false;
    }
  }
}

import { findCutModule } from './find-cut-module.ts';
import { gearBytes, type Gear } from './gear.ts';

/** How long chunks are: only the last of a file is shorter than the least, and the average is a power of two. */
export type ChunkLengths = {
  readonly minBytes: number;
  readonly averageBytes: number;
  readonly maxBytes: number;
};

/** Of a repository. */
export const blobLengths: ChunkLengths = {
  minBytes: 512 * 1024,
  averageBytes: 1024 * 1024,
  maxBytes: 8 * 1024 * 1024,
};

/**
 * Bits of the rolling hash that must be zero at a cut: four times as many places as the average length says go by before it, a quarter
 * after it, so that lengths gather around it ("normalized chunking"). The highest bits, for they depend on most bytes: the last 32.
 */
const normalizing = 2;

const pageBytes = 64 * 1024;

type FindCut = (
  first: number,
  middle: number,
  end: number,
  shiftBefore: number,
  shiftAfter: number,
) => number;

let compiled: WebAssembly.Module | undefined;

/** FastCDC, for one thread. What is to be cut is in its window: JavaScript, which checks each index, takes two to three times as long. */
export class Chunker {
  readonly window: Buffer<ArrayBuffer>;
  readonly #lengths: ChunkLengths;
  readonly #findCut: FindCut;

  constructor(gear: Gear, { windowBytes, lengths }: { windowBytes: number; lengths: ChunkLengths }) {
    const memory = new WebAssembly.Memory({ initial: Math.ceil((gearBytes + windowBytes) / pageBytes) });
    new Int32Array(memory.buffer, 0, gear.length).set(gear);
    this.window = Buffer.from(memory.buffer, gearBytes, windowBytes);
    this.#lengths = lengths;
    compiled ??= new WebAssembly.Module(Buffer.from(findCutModule, 'base64'));
    const { exports } = new WebAssembly.Instance(compiled, { env: { memory } });
    this.#findCut = exports.findCut as FindCut;
  }

  /**
   * Where the chunk that begins at `start` of the window ends. `end`: how far the bytes go, which is as far as the file goes or at least
   * `maxBytes` beyond `start`. The same bytes after the same cut are cut alike wherever they lie: chunks are found again after an
   * insertion.
   */
  findCut(start: number, end: number): number {
    const { minBytes, averageBytes, maxBytes } = this.#lengths;
    if (end - start <= minBytes) return end;
    const last = gearBytes + Math.min(end, start + maxBytes);
    const middle = Math.min(last, gearBytes + start + averageBytes);
    const unused = 32 - Math.log2(averageBytes);
    const first = gearBytes + start + minBytes;
    return this.#findCut(first, middle, last, unused - normalizing, unused + normalizing) - gearBytes;
  }
}

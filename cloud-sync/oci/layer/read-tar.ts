import { badArchive } from './bad-archive.ts';
import { parsePaxRecords, type PaxRecords } from './pax-records.ts';
import { checkHeader, headerType, sizeOf, tarEntry, type TarEntry } from './tar-entry.ts';
import { tarBlockBytes, tarPadding, tarTypes } from './tar-format.ts';

/** Is told of an archive's members in their order. What it throws ends the reading. */
export type TarVisitor = {
  entry(entry: TarEntry): void;
  /** A part of the file that `entry` began; the bytes are there only during the call. */
  data(piece: Buffer): void;
  /** All of the file has come. Called for every entry. */
  end(): void;
};

/** Of one PAX or GNU header. */
const maxExtensionBytes = 2 ** 20;
/** Such headers before one entry. */
const maxExtensions = 8;

const noRecords: PaxRecords = new Map();
const zeros = Buffer.alloc(tarBlockBytes);

/**
 * Reads an archive piece by piece: ustar, PAX and GNU's long names, as POSIX.1-2017 and GNU tar describe them. Sparse files are refused.
 * All is synchronous, so that a small file costs no turn of the event loop. Throws `badArchive`.
 */
export class TarReader {
  readonly #visitor: TarVisitor;
  readonly #block = Buffer.alloc(tarBlockBytes);
  #blockBytes = 0;
  /** Of the body that is being read. */
  #bodyLeft = 0;
  #padding = 0;
  /** The body belongs to a header that describes the next entry. */
  #extension: { readonly type: string; readonly pieces: Buffer[] } | undefined;
  #extensions = 0;
  #pax: PaxRecords = noRecords;
  #longName: Buffer | undefined;
  #longLink: Buffer | undefined;
  #zeroBlocks = 0;

  constructor(visitor: TarVisitor) {
    this.#visitor = visitor;
  }

  push(piece: Buffer): void {
    for (let at = 0; at < piece.length;) {
      // Behind two blocks of zeros nothing counts.
      if (this.#zeroBlocks === 2) return;
      at += this.#take(piece, at);
    }
  }

  /** After the last piece. The two blocks of zeros at the end are wanted by nobody. */
  finish(): void {
    if (this.#bodyLeft > 0 || this.#padding > 0 || this.#blockBytes > 0 || this.#extensions > 0)
      throw badArchive('it ends in the middle of an entry');
  }

  /** How many bytes were used. */
  #take(piece: Buffer, at: number): number {
    if (this.#bodyLeft > 0) return this.#takeBody(piece.subarray(at, at + this.#bodyLeft));
    if (this.#padding > 0) {
      const skipped = Math.min(this.#padding, piece.length - at);
      this.#padding -= skipped;
      return skipped;
    }
    const copied = piece.copy(this.#block, this.#blockBytes, at, at + tarBlockBytes - this.#blockBytes);
    this.#blockBytes += copied;
    if (this.#blockBytes === tarBlockBytes) this.#takeHeader();
    return copied;
  }

  #takeBody(part: Buffer): number {
    this.#bodyLeft -= part.length;
    if (this.#extension) this.#extension.pieces.push(Buffer.from(part));
    else this.#visitor.data(part);
    if (this.#bodyLeft === 0) this.#bodyEnds();
    return part.length;
  }

  #takeHeader(): void {
    this.#blockBytes = 0;
    if (this.#block.equals(zeros)) {
      if (this.#extensions > 0) throw badArchive('it ends in the middle of an entry');
      this.#zeroBlocks += 1;
      return;
    }
    if (this.#zeroBlocks > 0) throw badArchive('a single block of zeros stands in the middle of it');
    checkHeader(this.#block);
    const type = headerType(this.#block);
    if (isExtension(type)) this.#beginExtension(type);
    else this.#beginEntry();
  }

  #beginExtension(type: string): void {
    const size = sizeOf(this.#block, noRecords);
    this.#extensions += 1;
    if (size < 0 || size > maxExtensionBytes || this.#extensions > maxExtensions)
      throw badArchive(
        `an entry has more than ${maxExtensions} headers, or one of ${size} bytes; ${maxExtensionBytes} are allowed`,
      );
    this.#extension = { type, pieces: [] };
    this.#beginBody(size);
  }

  #beginEntry(): void {
    const entry = tarEntry(this.#block, {
      pax: this.#pax,
      longName: this.#longName,
      longLink: this.#longLink,
    });
    this.#extensions = 0;
    this.#pax = noRecords;
    this.#longName = this.#longLink = undefined;
    this.#visitor.entry(entry);
    this.#beginBody(entry.size);
  }

  #beginBody(size: number): void {
    this.#bodyLeft = size;
    this.#padding = tarPadding(size);
    if (size === 0) this.#bodyEnds();
  }

  #bodyEnds(): void {
    if (!this.#extension) {
      this.#visitor.end();
      return;
    }
    const { type, pieces } = this.#extension;
    this.#extension = undefined;
    this.#takeExtension(type, Buffer.concat(pieces));
  }

  #takeExtension(type: string, bytes: Buffer): void {
    switch (type) {
      case tarTypes.pax: {
        this.#pax = parsePaxRecords(bytes);
        return;
      }
      case tarTypes.gnuLongName: {
        this.#longName = untilNul(bytes);
        return;
      }
      case tarTypes.gnuLongLink: {
        this.#longLink = untilNul(bytes);
        return;
      }
      default:
        // What it says of all entries nobody honours for layers, docker neither; it describes none.
        parsePaxRecords(bytes);
        this.#extensions -= 1;
    }
  }
}

function isExtension(type: string): boolean {
  return (
    type === tarTypes.pax ||
    type === tarTypes.paxGlobal ||
    type === tarTypes.gnuLongName ||
    type === tarTypes.gnuLongLink
  );
}

function untilNul(bytes: Buffer): Buffer {
  const end = bytes.indexOf(0);
  return end < 0 ? bytes : bytes.subarray(0, end);
}

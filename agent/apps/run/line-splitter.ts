/** Bytes of a line; what is longer is cut, and the rest of it left out. */
export const lineMaxBytes = 16 * 2 ** 10;

/** Lines of bytes as they come: it holds one line at most. */
export class LineSplitter {
  readonly #onLine: (text: string) => void;
  #rest: Buffer[] = [];
  #restBytes = 0;
  /** The line has been given as far as it is given. */
  #isCut = false;

  constructor(onLine: (text: string) => void) {
    this.#onLine = onLine;
  }

  /** Bytes that have come, of a line that has not been given. */
  get pendingBytes(): number {
    return this.#restBytes;
  }

  /** `chunk` is the caller's again when this returns. */
  push(chunk: Buffer): void {
    let from = 0;
    for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, from)) {
      this.#keep(chunk.subarray(from, at));
      if (!this.#isCut) this.#give();
      this.#isCut = false;
      from = at + 1;
    }
    this.#keep(chunk.subarray(from));
  }

  /** The last line, if it has no end. */
  end(): void {
    if (this.#restBytes > 0) this.#give();
    this.#isCut = false;
  }

  #keep(part: Buffer): void {
    if (this.#isCut || part.length === 0) return;
    const fits = part.subarray(0, lineMaxBytes - this.#restBytes);
    this.#rest.push(Buffer.from(fits));
    this.#restBytes += fits.length;
    if (fits.length === part.length) return;
    this.#give();
    this.#isCut = true;
  }

  #give(): void {
    const text = Buffer.concat(this.#rest).toString('utf8');
    this.#rest = [];
    this.#restBytes = 0;
    this.#onLine(text.endsWith('\r') ? text.slice(0, -1) : text);
  }
}

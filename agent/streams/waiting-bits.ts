/** How far the ids of a page's events may lie apart: bits that say which of them still wait. */
export const pageSpan = 512;

/**
 * Which events of a page still wait: one bit an event, by how far its id lies before that of the last one. Always as long, so that
 * SQLite writes a change of it in its place and leaves the pages of the payloads alone.
 */
export class WaitingBits {
  readonly bytes: Uint8Array;
  readonly #lastId: number;

  constructor(lastId: number, bytes: Uint8Array = new Uint8Array(pageSpan / 8)) {
    this.#lastId = lastId;
    this.bytes = bytes;
  }

  has(id: number): boolean {
    const place = this.#lastId - id;
    return place >= 0 && place < pageSpan && ((this.bytes[place >> 3] ?? 0) & (1 << (place & 7))) !== 0;
  }

  add(id: number): void {
    const place = this.#lastId - id;
    // Past the end, the event would be written and never run.
    if (!(place >= 0 && place < pageSpan))
      throw new RangeError(`The event ${id} is not within a page that ends with ${this.#lastId}`);
    this.bytes[place >> 3] = (this.bytes[place >> 3] ?? 0) | (1 << (place & 7));
  }

  /** False when it did not wait. */
  remove(id: number): boolean {
    if (!this.has(id)) return false;
    const place = this.#lastId - id;
    this.bytes[place >> 3] = (this.bytes[place >> 3] ?? 0) & ~(1 << (place & 7));
    return true;
  }

  get count(): number {
    let count = 0;
    for (let byte of this.bytes) for (; byte !== 0; byte &= byte - 1) count++;
    return count;
  }

  get isEmpty(): boolean {
    return this.bytes.every((byte) => byte === 0);
  }
}

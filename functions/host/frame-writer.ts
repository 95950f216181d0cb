import type { Writable } from 'node:stream';
import { Linger } from './linger.ts';
import { FrameBatch } from './frames.ts';

/** Written at once when this much waits: the other side can begin while this one goes on. */
const flushBytes = 256 * 1024;
const flushFrames = 16;

/** Puts the frames of one turn of the event loop into one write: a system call costs as much as many small frames. */
export class FrameWriter {
  readonly #stream: Writable;
  readonly #batch = new FrameBatch();
  #scheduled = false;
  readonly #linger = new Linger();

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  /** Throws FrameError when the frame is too large. A stream that is gone swallows it. */
  send(header: unknown, body?: Uint8Array | string): void {
    const batch = this.#batch;
    batch.add(header, body);
    if (batch.size >= flushBytes || batch.count >= flushFrames) {
      this.#flush();
      return;
    }
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#flush();
      this.#linger.touch();
    });
  }

  /** The same for a frame that the other side waits for and none is known to follow: it does not wait for the end of the turn. */
  sendAtOnce(header: unknown, body?: Uint8Array | string): void {
    this.#batch.add(header, body);
    this.#flush();
    this.#linger.touch();
  }

  /** The other side said something. */
  heard(): void {
    this.#linger.heard();
  }

  #flush(): void {
    if (this.#batch.count === 0) return;
    const bytes = this.#batch.take();
    if (this.#stream.writable) this.#stream.write(bytes);
  }
}

import type { Writable } from 'node:stream';
import { Linger } from './linger.ts';
import { encodeFrame } from './frames.ts';

/** Written at once when this much waits: the other side can begin while this one goes on. */
const flushBytes = 256 * 1024;
const flushFrames = 16;

/** Puts the frames of one turn of the event loop into one write: a system call costs as much as many small frames. */
export class FrameWriter {
  readonly #stream: Writable;
  #frames: Uint8Array[] = [];
  #bytes = 0;
  #scheduled = false;
  readonly #linger = new Linger();

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  /** Throws FrameError when the frame is too large. A stream that is gone swallows it. */
  send(header: unknown, body?: Uint8Array | string): void {
    const frame = encodeFrame(header, body);
    this.#frames.push(frame);
    this.#bytes += frame.byteLength;
    if (this.#bytes >= flushBytes || this.#frames.length >= flushFrames) {
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

  #flush(): void {
    const frames = this.#frames;
    const bytes = this.#bytes;
    this.#frames = [];
    this.#bytes = 0;
    const [first] = frames;
    if (!first || !this.#stream.writable) return;
    this.#stream.write(frames.length === 1 ? first : Buffer.concat(frames, bytes));
  }
}

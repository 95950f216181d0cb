/**
 * Frame: u32 length of what follows · u32 length of the header · header (JSON, UTF-8) · body (bytes). Big-endian.
 * The body is never copied into the JSON, so payloads cost no base64.
 */
export type Frame = {
  readonly header: unknown;
  /** The header as it came. */
  readonly json: string;
  /** A part of the chunk it came in: who keeps it longer than a moment copies it. */
  readonly body: Uint8Array;
};

export const frameLimits = { frameBytes: 8 * 2 ** 20, headerBytes: 2 ** 20 } as const;

const none = new Uint8Array(0);

/** Frames are written into pieces of memory this large, one behind another; a larger frame has its own. */
const pieceBytes = 64 * 1024;
/** Longer texts are measured before memory is taken for them. */
const longChars = 8 * 1024;
const maxUtf8Bytes = 3;

/** Frames that are to be sent together, one behind another. */
export class FrameBatch {
  /** Frames of it; bytes. */
  count = 0;
  size = 0;
  #memory: Buffer = Buffer.alloc(0);
  /** Where the batch begins; what lies before it was taken and is not written to again. */
  #start = 0;

  /** A body that is a string goes as UTF-8. Throws FrameError when the frame is too large, and leaves the batch as it was. */
  add(header: unknown, body: Uint8Array | string = none): void {
    const json = JSON.stringify(header);
    const at = this.#reserve(
      8 + mostBytes(json) + (typeof body === 'string' ? mostBytes(body) : body.byteLength),
    );
    const memory = this.#memory;
    const headerBytes = memory.write(json, at + 8, 'utf8');
    const bodyAt = at + 8 + headerBytes;
    if (typeof body !== 'string') memory.set(body, bodyAt);
    const bodyBytes = typeof body === 'string' ? memory.write(body, bodyAt, 'utf8') : body.byteLength;
    const length = 4 + headerBytes + bodyBytes;
    if (headerBytes > frameLimits.headerBytes || length > frameLimits.frameBytes) {
      throw new FrameError(`a frame of ${length} bytes, header ${headerBytes}, is too large`);
    }
    memory.writeUInt32BE(length, at);
    memory.writeUInt32BE(headerBytes, at + 4);
    this.size += 4 + length;
    this.count++;
  }

  /** The bytes of the batch, which is empty then. */
  take(): Uint8Array {
    const end = this.#start + this.size;
    const bytes = this.#memory.subarray(this.#start, end);
    this.size = this.count = 0;
    this.#start = end;
    // That of a large frame would be held for the sake of the few bytes that are left of it.
    if (this.#memory.byteLength > pieceBytes) this.#forget();
    return bytes;
  }

  #forget(): void {
    this.#memory = Buffer.alloc(0);
    this.#start = 0;
  }

  /** Where the next frame begins; there are `bytes` for it. */
  #reserve(bytes: number): number {
    if (bytes > 2 * frameLimits.frameBytes) throw new FrameError(`a frame of ${bytes} bytes is too large`);
    const at = this.#start + this.size;
    if (at + bytes <= this.#memory.byteLength) return at;
    // Memory of its own: that of the pool would be shared with whoever else is given a part of it.
    const memory = Buffer.allocUnsafeSlow(Math.max(pieceBytes, this.size + bytes));
    memory.set(this.#memory.subarray(this.#start, at));
    this.#memory = memory;
    this.#start = 0;
    return this.size;
  }
}

/** Throws FrameError when it is too large. */
export function encodeFrame(header: unknown, body?: Uint8Array | string): Uint8Array {
  const batch = new FrameBatch();
  batch.add(header, body);
  return batch.take();
}

/** Enough for the text in UTF-8. */
function mostBytes(text: string): number {
  return text.length > longChars ? Buffer.byteLength(text, 'utf8') : maxUtf8Bytes * text.length;
}

class FrameError extends Error {
  override readonly name = 'FrameError';
}

/** Cuts a byte stream into frames. Throws FrameError on the first length out of bounds or header that is not JSON. */
export class FrameReader {
  #chunks: Uint8Array[] = [];
  #size = 0;
  /** Bytes needed before there is anything to look at. */
  #wanted = 4;

  /** Frames completed by `chunk`, which is theirs from now on. */
  *push(chunk: Uint8Array): Generator<Frame> {
    this.#chunks.push(chunk);
    this.#size += chunk.byteLength;
    if (this.#size < this.#wanted) return;
    const whole = this.#chunks.length === 1 ? bufferOf(chunk) : Buffer.concat(this.#chunks, this.#size);
    let at = 0;
    for (;;) {
      this.#wanted = frameSize(whole, at);
      if (whole.byteLength - at < this.#wanted) break;
      const end = at + this.#wanted;
      yield decode(whole, at + 4, end);
      at = end;
    }
    this.#chunks = at < whole.byteLength ? [whole.subarray(at)] : [];
    this.#size = whole.byteLength - at;
  }
}

function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

function frameSize(buffer: Buffer, at: number): number {
  if (buffer.byteLength - at < 4) return 4;
  const length = buffer.readUInt32BE(at);
  if (length < 4 || length > frameLimits.frameBytes)
    throw new FrameError(`a frame of ${length} bytes is out of bounds`);
  return 4 + length;
}

/** Of the bytes from `at` to `end`. */
function decode(buffer: Buffer, at: number, end: number): Frame {
  const headerLength = buffer.readUInt32BE(at);
  if (headerLength > frameLimits.headerBytes || headerLength > end - at - 4) {
    throw new FrameError(`a header of ${headerLength} bytes is out of bounds`);
  }
  const bodyAt = at + 4 + headerLength;
  const json = buffer.toString('utf8', at + 4, bodyAt);
  const body = new Uint8Array(buffer.buffer, buffer.byteOffset + bodyAt, end - bodyAt);
  try {
    return { header: JSON.parse(json) as unknown, json, body };
  } catch {
    throw new FrameError('a header is not JSON');
  }
}

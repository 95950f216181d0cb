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

/** A body that is a string goes as UTF-8. Throws FrameError when it is too large. */
export function encodeFrame(header: unknown, body: Uint8Array | string = none): Uint8Array {
  const json = JSON.stringify(header);
  const headerBytes = Buffer.byteLength(json, 'utf8');
  const bodyBytes = typeof body === 'string' ? Buffer.byteLength(body, 'utf8') : body.byteLength;
  const length = 4 + headerBytes + bodyBytes;
  if (headerBytes > frameLimits.headerBytes || length > frameLimits.frameBytes) {
    throw new FrameError(`a frame of ${length} bytes, header ${headerBytes}, is too large`);
  }
  const frame = Buffer.allocUnsafe(4 + length);
  frame.writeUInt32BE(length, 0);
  frame.writeUInt32BE(headerBytes, 4);
  frame.write(json, 8, 'utf8');
  if (typeof body === 'string') frame.write(body, 8 + headerBytes, 'utf8');
  else frame.set(body, 8 + headerBytes);
  return frame;
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

  /** Frames completed by `chunk`. */
  *push(chunk: Uint8Array): Generator<Frame> {
    this.#chunks.push(chunk);
    this.#size += chunk.byteLength;
    if (this.#size < this.#wanted) return;
    let rest: Buffer = Buffer.concat(this.#chunks, this.#size);
    for (;;) {
      this.#wanted = frameSize(rest);
      if (rest.byteLength < this.#wanted) break;
      yield decode(rest.subarray(4, this.#wanted));
      rest = rest.subarray(this.#wanted);
    }
    this.#chunks = rest.byteLength > 0 ? [rest] : [];
    this.#size = rest.byteLength;
  }
}

function frameSize(buffer: Buffer): number {
  if (buffer.byteLength < 4) return 4;
  const length = buffer.readUInt32BE(0);
  if (length < 4 || length > frameLimits.frameBytes)
    throw new FrameError(`a frame of ${length} bytes is out of bounds`);
  return 4 + length;
}

function decode(frame: Buffer): Frame {
  const headerLength = frame.readUInt32BE(0);
  if (headerLength > frameLimits.headerBytes || headerLength > frame.byteLength - 4) {
    throw new FrameError(`a header of ${headerLength} bytes is out of bounds`);
  }
  const json = frame.toString('utf8', 4, 4 + headerLength);
  const body = new Uint8Array(
    frame.buffer,
    frame.byteOffset + 4 + headerLength,
    frame.byteLength - 4 - headerLength,
  );
  try {
    return { header: JSON.parse(json) as unknown, json, body };
  } catch {
    throw new FrameError('a header is not JSON');
  }
}

/**
 * Frame: u32 length of what follows · u32 length of the header · header (JSON, UTF-8) · body (bytes). Big-endian.
 * The body is never copied into the JSON, so payloads cost no base64.
 */
export type Frame = { readonly header: unknown; readonly body: Uint8Array };

export const frameLimits = { frameBytes: 8 * 2 ** 20, headerBytes: 2 ** 20 } as const;

const none = new Uint8Array(0);

export function encodeFrame(header: unknown, body: Uint8Array = none): Uint8Array {
  const json = Buffer.from(JSON.stringify(header), 'utf8');
  const length = 4 + json.byteLength + body.byteLength;
  if (json.byteLength > frameLimits.headerBytes || length > frameLimits.frameBytes) {
    throw new FrameError(`a frame of ${length} bytes, header ${json.byteLength}, is too large`);
  }
  const frame = Buffer.allocUnsafe(4 + length);
  frame.writeUInt32BE(length, 0);
  frame.writeUInt32BE(json.byteLength, 4);
  frame.set(json, 8);
  frame.set(body, 8 + json.byteLength);
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

  /** Frames completed by `chunk`. Their bodies own their memory. */
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
  const header = frame.toString('utf8', 4, 4 + headerLength);
  const body = new Uint8Array(frame.subarray(4 + headerLength));
  try {
    return { header: JSON.parse(header) as unknown, body };
  } catch {
    throw new FrameError('a header is not JSON');
  }
}

import { ReadableStream } from './streams.ts';
import { dictionary } from './event.ts';
import { defineInterface } from './interface.ts';
import { concatBytes, decodeText, ownBuffer, utf8, viewBytes } from './bytes.ts';

export type BlobPart = ArrayBuffer | ArrayBufferView | Blob | string;
export type BlobOptions = { readonly type?: string; readonly endings?: 'transparent' | 'native' };

let blobBytes: (blob: Blob) => Uint8Array;

/** Bytes that are already here, with a type. [File API §3] */
export class Blob {
  readonly #bytes: Uint8Array;
  readonly #type: string;

  static {
    blobBytes = (blob) => blob.#bytes;
  }

  constructor(parts: Iterable<BlobPart> = [], options: BlobOptions | null = {}) {
    const { type = '', endings = 'transparent' } = dictionary(options) as BlobOptions;
    if (typeof parts !== 'object' || !(Symbol.iterator in parts))
      throw new TypeError('Blob takes a sequence of parts');
    this.#bytes = concatBytes(Array.from(parts, (part) => partBytes(part, endings)));
    this.#type = normalType(type);
  }

  get size(): number {
    return this.#bytes.length;
  }
  get type(): string {
    return this.#type;
  }

  slice(start = 0, end: number = this.size, type = ''): Blob {
    return new Blob([this.#bytes.subarray(clamp(start, this.size), clamp(end, this.size))], { type });
  }

  text(): Promise<string> {
    return Promise.resolve(decodeText(this.#bytes));
  }
  arrayBuffer(): Promise<ArrayBuffer> {
    return Promise.resolve(ownBuffer(this.#bytes));
  }
  bytes(): Promise<Uint8Array> {
    return Promise.resolve(this.#bytes.slice());
  }

  stream(): ReadableStream<Uint8Array> {
    const bytes = this.#bytes.slice();
    return new ReadableStream({
      type: 'bytes',
      start(controller) {
        if (bytes.length > 0) controller.enqueue(bytes);
        controller.close();
      },
    });
  }
}

defineInterface('Blob', Blob);

export { blobBytes };

/** Lower case; nothing when it has a character outside printable ASCII. */
function normalType(type: unknown): string {
  const text = String(type);
  return /[^ -~]/.test(text) ? '' : text.toLowerCase();
}

function partBytes(part: unknown, endings: string): Uint8Array {
  if (part instanceof Blob) return blobBytes(part);
  const bytes = viewBytes(part);
  if (bytes) return bytes.slice();
  const text = String(part);
  return utf8.encode(endings === 'native' ? text.replace(/\r\n?/g, '\n') : text);
}

function clamp(position: number, size: number): number {
  const whole = Math.trunc(position) || 0;
  return whole < 0 ? Math.max(size + whole, 0) : Math.min(whole, size);
}

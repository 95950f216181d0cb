import type { Payload } from '../types.ts';
import { Blob, blobBytes } from './blob.ts';
import { concatBytes, decodeText, ownBuffer, utf8, viewBytes } from './bytes.ts';
import { FormData } from './form-data.ts';
import { encodeMultipart, parseMultipart } from './multipart.ts';
import { isDisturbed } from './disturbed.ts';
import { ReadableStream, TransformStream } from './streams.ts';

export type BodyInit =
  ReadableStream<Uint8Array> | Blob | ArrayBuffer | ArrayBufferView | FormData | URLSearchParams | string;

/** What a body is made of. Bytes and text stay what they are until somebody asks for a stream. */
export type Content = {
  bytes: Uint8Array | undefined;
  text: string | undefined;
  stream: ReadableStream<Uint8Array> | undefined;
  used: boolean;
};

let contentOf: (body: Body) => Content | null;
let replaceContent: (body: Body, content: Content | null) => void;

/** The body of a request or a response, to be read once. [Fetch §5.3] */
export class Body {
  /** Null when there is none: reading it gives nothing, as often as one likes. */
  #content: Content | null;

  static {
    contentOf = (body) => body.#content;
    replaceContent = (body, content) => {
      body.#content = content;
    };
  }

  constructor(content: Content | null) {
    this.#content = content;
  }

  get body(): ReadableStream<Uint8Array> | null {
    return this.#content && streamOf(this.#content);
  }
  get bodyUsed(): boolean {
    return this.#content !== null && isUsed(this.#content);
  }

  async text(): Promise<string> {
    const content = this.#content;
    if (content?.text !== undefined && content.stream === undefined) {
      claim(content);
      const text = content.text.toWellFormed();
      return text.startsWith('\uFEFF') ? text.slice(1) : text;
    }
    return decodeText(await takeBytes(content));
  }
  async json(): Promise<unknown> {
    return JSON.parse(await this.text()) as unknown;
  }
  async arrayBuffer(): Promise<ArrayBuffer> {
    return ownBuffer(await takeBytes(this.#content));
  }
  async bytes(): Promise<Uint8Array> {
    return (await takeBytes(this.#content)).slice();
  }
  async blob(): Promise<Blob> {
    const type = typeOf(this);
    return new Blob([await takeBytes(this.#content)], { type });
  }
  async formData(): Promise<FormData> {
    const type = typeOf(this);
    return parseForm(await takeBytes(this.#content), type);
  }
}

export { contentOf, replaceContent };

/** The content for a body that an author gives, and the content type that it brings. */
export function extractBody(init: unknown): { content: Content; type: string | undefined } {
  if (typeof init === 'string') return { content: textContent(init), type: 'text/plain;charset=UTF-8' };
  const bytes = viewBytes(init);
  if (bytes) return { content: bytesContent(bytes.slice()), type: undefined };
  if (init instanceof ReadableStream) {
    if (init.locked || isDisturbed(init))
      throw new TypeError('The stream for a body has been read or is locked');
    return { content: { bytes: undefined, text: undefined, stream: init, used: false }, type: undefined };
  }
  if (init instanceof Blob)
    return { content: bytesContent(blobBytes(init)), type: init.type === '' ? undefined : init.type };
  if (init instanceof FormData) {
    const boundary = `----holdfast${crypto.randomUUID().replaceAll('-', '')}`;
    const form = encodeMultipart(init, boundary);
    return { content: bytesContent(form), type: `multipart/form-data; boundary=${boundary}` };
  }
  if (init instanceof URLSearchParams)
    return {
      content: textContent(init.toString()),
      type: 'application/x-www-form-urlencoded;charset=UTF-8',
    };
  return { content: textContent(String(init)), type: 'text/plain;charset=UTF-8' };
}

/** Text stays text: reading it as JSON costs no decoding here. */
export function payloadContent(payload: Payload): Content {
  return payload.isText ? textContent(payload.text()) : bytesContent(payload.bytes());
}

/** Whether the author's own code gives it while it is read. */
export function isStreamed(content: Content | null): boolean {
  return content?.stream !== undefined && content.bytes === undefined && content.text === undefined;
}

function bytesContent(bytes: Uint8Array): Content {
  return { bytes, text: undefined, stream: undefined, used: false };
}

function textContent(text: string): Content {
  return { bytes: undefined, text, stream: undefined, used: false };
}

/** A second body with the same content; the first stays readable. Throws TypeError when it has been read. */
export function cloneContent(body: Body): Content | null {
  const content = contentOf(body);
  if (content === null) return null;
  refuseUsed(content);
  if (content.stream === undefined) return { ...content };
  const [one, other] = inBytes(content.stream).tee();
  replaceContent(body, { bytes: undefined, text: undefined, stream: one, used: false });
  return { bytes: undefined, text: undefined, stream: other, used: false };
}

/**
 * The same as a stream of bytes, the branches of which have chunks of their own: who changes those of one body must not change those of
 * its clone. [Fetch §2.2.4]
 */
function inBytes(stream: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  if (isByteStream(stream)) return stream;
  const reader = stream.getReader();
  return new ReadableStream<Uint8Array>({
    type: 'bytes',
    async pull(controller) {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) {
          controller.close();
          controller.byobRequest?.respond(0);
          return;
        }
        checkChunk(value, reader);
        // A stream of bytes has no empty chunks.
        if (value.length === 0) continue;
        // Not its memory, which enqueueing takes: somebody may still have the chunk.
        controller.enqueue(new Uint8Array(value));
        return;
      }
    },
    cancel: (reason) => reader.cancel(reason),
  });
}

function isByteStream(stream: ReadableStream<Uint8Array>): boolean {
  try {
    stream.getReader({ mode: 'byob' }).releaseLock();
    return true;
  } catch {
    return false;
  }
}

/** Takes the content away from a body that is passed on to a new request. */
export function moveContent(body: Body): Content | null {
  const content = contentOf(body);
  if (content === null) return null;
  refuseUsed(content);
  const moved = { ...content };
  if (content.stream)
    moved.stream = content.stream.pipeThrough(new TransformStream<Uint8Array, Uint8Array>());
  content.used = true;
  return moved;
}

/**
 * Reads all of it; of a stream no further than the chunk that goes beyond `maxBytes`, which is in the result. Rejects with TypeError
 * when it has been read. The bytes may be those of the content itself: who hands them out makes a copy.
 */
export async function takeBytes(content: Content | null, maxBytes = Infinity): Promise<Uint8Array> {
  if (content === null) return new Uint8Array(0);
  claim(content);
  const { bytes, text, stream } = content;
  if (bytes) return bytes;
  if (text !== undefined) return utf8.encode(text);
  return stream ? drain(stream, maxBytes) : new Uint8Array(0);
}

async function drain(stream: ReadableStream<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const reader = stream.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = (await reader.read()) as { done: boolean; value: unknown };
    if (done) return concatBytes(chunks);
    checkChunk(value, reader);
    size += value.length;
    chunks.push(value);
    if (size <= maxBytes) continue;
    void reader.cancel().catch(() => undefined);
    return concatBytes(chunks);
  }
}

/** Throws TypeError, and cancels the stream, when a chunk is none of a body. */
function checkChunk(
  value: unknown,
  reader: ReadableStreamDefaultReader<Uint8Array>,
): asserts value is Uint8Array {
  if (value instanceof Uint8Array) return;
  const error = new TypeError('The stream of a body must give Uint8Array chunks');
  void reader.cancel(error).catch(() => undefined);
  throw error;
}

/** From now on it has been read. A stream made of bytes or text that nobody has touched is closed instead of drained. */
function claim(content: Content): void {
  refuseUsed(content);
  content.used = true;
  if (content.stream && (content.bytes ?? content.text) !== undefined)
    void content.stream.cancel().catch(() => undefined);
}

function refuseUsed(content: Content): void {
  if (isUsed(content)) throw new TypeError('The body has been read already; clone() gives a second one');
  if (content.stream?.locked === true)
    throw new TypeError('The stream of the body is locked: release its reader first');
}

function isUsed({ used, stream }: Content): boolean {
  return used || (stream !== undefined && isDisturbed(stream));
}

function streamOf(content: Content): ReadableStream<Uint8Array> {
  if (content.stream) return content.stream;
  const left = content.used ? undefined : (content.bytes?.slice() ?? utf8.encode(content.text ?? ''));
  content.stream = new ReadableStream<Uint8Array>({
    type: 'bytes',
    start(controller) {
      if (left !== undefined && left.length > 0) controller.enqueue(left);
      controller.close();
    },
  });
  // That it has been read must show: an empty body would be sent in the place of the one that is gone.
  if (content.used) void content.stream.cancel();
  return content.stream;
}

function typeOf(body: Body): string {
  return (body as Body & { headers: { get(name: string): string | null } }).headers.get('content-type') ?? '';
}

function parseForm(bytes: Uint8Array, type: string): FormData {
  if (/^multipart\/form-data\s*;/i.test(type)) {
    const found = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(type);
    const boundary = found?.[1] ?? found?.[2];
    if (boundary === undefined) throw new TypeError(`The content type ${type} names no boundary`);
    return parseMultipart(bytes, boundary);
  }
  if (!/^application\/x-www-form-urlencoded\s*(;|$)/i.test(type))
    throw new TypeError(`A body of type ${JSON.stringify(type)} is not a form`);
  const form = new FormData();
  // Of a body all is data, a byte order mark and a question mark at its beginning too; URLSearchParams leaves out one of the latter.
  for (const [name, value] of new URLSearchParams(`?${utf8.decode(bytes)}`)) form.append(name, value);
  return form;
}

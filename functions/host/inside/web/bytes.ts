import { makeText } from '../text.ts';

export const utf8 = makeText();

/** UTF-8 without its byte order mark; invalid bytes become U+FFFD. */
export function decodeText(bytes: Uint8Array): string {
  const text = utf8.decode(bytes);
  return text.startsWith('\uFEFF') ? text.slice(1) : text;
}

/** The bytes of an ArrayBuffer or a view, not copied; undefined for anything else. */
export function viewBytes(value: unknown): Uint8Array | undefined {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (!ArrayBuffer.isView(value)) return undefined;
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

export function concatBytes(chunks: readonly Uint8Array[]): Uint8Array {
  const [only] = chunks;
  if (only && chunks.length === 1) return only;
  let size = 0;
  for (const { length } of chunks) size += length;
  const all = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

/** An ArrayBuffer of exactly these bytes, its own. */
export function ownBuffer(bytes: Uint8Array): ArrayBuffer {
  return bytes.slice().buffer;
}

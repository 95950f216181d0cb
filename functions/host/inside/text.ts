import type { Text } from './types.ts';

/** Taken when the snapshot is made, before the tenant can bend them. */
const Bytes = Uint8Array;
const fromCodes = String.fromCharCode;
const { apply } = Reflect;

const replacement = 0xfffd;
/** First bits of a lead byte, by the number of bytes that follow it. */
const leads = [0, 0xc0, 0xe0, 0xf0];
/** ASCII characters that are worth a call of their own, and how many one call takes. */
const run = { min: 32, max: 8192 } as const;

/** UTF-8 both ways, as the Encoding standard has it: lone surrogates and invalid bytes become U+FFFD. */
export function makeText(): Text {
  return { encode, decode };
}

function encode(text: string): Uint8Array {
  const short = new Bytes(text.length);
  let length = encodeAscii(text, short);
  if (length === text.length) return short;
  const bytes = new Bytes(length + (text.length - length) * 3);
  bytes.set(short);
  for (let at = length; at < text.length; at++) {
    let code = text.charCodeAt(at);
    if (code >= 0xd800 && code <= 0xdfff) {
      const low = code < 0xdc00 ? text.charCodeAt(at + 1) : 0;
      if (low >= 0xdc00 && low <= 0xdfff) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        at++;
      } else code = replacement;
    }
    if (code < 0x80) {
      bytes[length++] = code;
      continue;
    }
    const more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    bytes[length++] = (code >> (6 * more)) | (leads[more] ?? 0);
    for (let shift = more - 1; shift >= 0; shift--) bytes[length++] = ((code >> (6 * shift)) & 0x3f) | 0x80;
  }
  return bytes.slice(0, length);
}

/** How many characters at the beginning are ASCII; their codes are in `bytes` then. */
function encodeAscii(text: string, bytes: Uint8Array): number {
  let at = 0;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code >= 0x80) return at;
    bytes[at] = code;
  }
  return at;
}

function decode(bytes: Uint8Array, fatal = false): string {
  let text = '';
  let units: number[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = asciiEnd(bytes, at);
    if (end - at >= run.min) {
      const ascii = bytes.subarray(at, end) as unknown as number[];
      text += apply(fromCodes, undefined, units) + apply(fromCodes, undefined, ascii);
      units = [];
      at = end;
      continue;
    }
    for (; at < end; at++) units.push(bytes[at] ?? 0);
    if (at >= bytes.length) break;
    const size = sequence(bytes, at);
    if (size < 0 && fatal) throw new TypeError('The bytes are not UTF-8');
    const code = size < 0 ? replacement : codePoint(bytes, at, size);
    if (code < 0x10000) units.push(code);
    else units.push(0xd7c0 + (code >> 10), 0xdc00 + (code & 0x3ff));
    at += size < 0 ? -size : size;
    if (units.length >= run.max) {
      text += apply(fromCodes, undefined, units);
      units = [];
    }
  }
  return text + apply(fromCodes, undefined, units);
}

/** Where the ASCII characters from `at` on end, or a run of them. */
function asciiEnd(bytes: Uint8Array, at: number): number {
  let end = at;
  for (; end < bytes.length && end - at < run.max; end++) if ((bytes[end] ?? 0) >= 0x80) break;
  return end;
}

/** Length of the well-formed sequence at `at` (Unicode 15, table 3-7), or minus the bytes to replace by one U+FFFD. */
function sequence(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] ?? 0;
  const size = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  if (size < 2) return size === 1 ? 1 : -1;
  const lowest = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const highest = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  for (let next = 1; next < size; next++) {
    const byte = bytes[at + next];
    const [low, high] = next === 1 ? [lowest, highest] : [0x80, 0xbf];
    if (byte === undefined || byte < low || byte > high) return -next;
  }
  return size;
}

function codePoint(bytes: Uint8Array, at: number, size: number): number {
  const lead = bytes[at] ?? 0;
  let code = size === 1 ? lead : lead & (0x7f >> size);
  for (let next = 1; next < size; next++) code = (code << 6) | ((bytes[at + next] ?? 0) & 0x3f);
  return code;
}

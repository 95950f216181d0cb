import type { Text } from './types.ts';

/** UTF-8 both ways, as the Encoding standard has it: lone surrogates and invalid bytes become U+FFFD. */
export function makeText(): Text {
  const Bytes = Uint8Array;
  const fromCodes = String.fromCharCode;
  const { apply } = Reflect;
  const replacement = 0xfffd;
  /** First bits of a lead byte, by the number of bytes that follow it. */
  const leads = [0, 0xc0, 0xe0, 0xf0];

  const encode = (text: string) => {
    const bytes = new Bytes(text.length * 3);
    let length = 0;
    for (let at = 0; at < text.length; at++) {
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
  };

  /** Length of the well-formed sequence at `at` (Unicode 15, table 3-7), or minus the bytes to replace by one U+FFFD. */
  const sequence = (bytes: Uint8Array, at: number) => {
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
  };
  const codePoint = (bytes: Uint8Array, at: number, size: number) => {
    const lead = bytes[at] ?? 0;
    let code = size === 1 ? lead : lead & (0x7f >> size);
    for (let next = 1; next < size; next++) code = (code << 6) | ((bytes[at + next] ?? 0) & 0x3f);
    return code;
  };

  const decode = (bytes: Uint8Array, fatal = false) => {
    let text = '';
    let units: number[] = [];
    for (let at = 0; at < bytes.length;) {
      const size = sequence(bytes, at);
      if (size < 0 && fatal) throw new TypeError('The bytes are not UTF-8');
      const code = size < 0 ? replacement : codePoint(bytes, at, size);
      if (code < 0x10000) units.push(code);
      else units.push(0xd7c0 + (code >> 10), 0xdc00 + (code & 0x3ff));
      at += size < 0 ? -size : size;
      if (units.length >= 4096) {
        text += apply(fromCodes, undefined, units);
        units = [];
      }
    }
    return text + apply(fromCodes, undefined, units);
  };
  return { encode, decode };
}

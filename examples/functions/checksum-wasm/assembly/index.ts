/** CRC-32 (IEEE 802.3) and Adler-32 (RFC 1950) over bytes that the caller puts at `input`, one piece after another. */

/** Room for one piece. */
export const capacity: i32 = 65536;
export const input: usize = memory.data(65536);

/** The CRC of each byte, reflected polynomial 0xEDB88320. */
const table: usize = memory.data(1024);

for (let byte: u32 = 0; byte < 256; byte++) {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  store<u32>(table + (byte << 2), crc);
}

/** `crc` of what came before, at first 0. */
export function crc32(crc: u32, length: i32): u32 {
  crc = ~crc;
  for (let at = input, end = input + length; at < end; at++) {
    crc = (crc >>> 8) ^ load<u32>(table + (((crc ^ load<u8>(at)) & 0xff) << 2));
  }
  return ~crc;
}

/** `adler` of what came before, at first 1. */
export function adler32(adler: u32, length: i32): u32 {
  let a: u32 = adler & 0xffff;
  let b: u32 = adler >>> 16;
  let at = input;
  const end = input + length;
  while (at < end) {
    // 5552 is the most additions for which neither sum overflows 32 bits.
    const stop = min(at + 5552, end);
    for (; at < stop; at++) {
      a += load<u8>(at);
      b += a;
    }
    a %= 65521;
    b %= 65521;
  }
  return (b << 16) | a;
}

/** Checks what a compressed format says of its content, as it comes in pieces. */
export type Checksum = {
  update(bytes: Uint8Array): void;
  /** The bytes that end the format. */
  trailer(): number[];
};

/** RFC 1952 §2.3.1: CRC-32 and length, each modulo 2^32, little-endian. */
export function gzipChecksum(): Checksum {
  const table = crcTable();
  let crc = -1;
  let size = 0;
  return {
    update(bytes) {
      for (const byte of bytes) crc = (crc >>> 8) ^ (table[(crc ^ byte) & 255] ?? 0);
      size = (size + bytes.length) >>> 0;
    },
    trailer: () => [...fourBytes(~crc).reverse(), ...fourBytes(size).reverse()],
  };
}

/** RFC 1950 §2.2: Adler-32, big-endian. */
export function zlibChecksum(): Checksum {
  let a = 1;
  let b = 0;
  return {
    update(bytes) {
      for (let at = 0; at < bytes.length;) {
        // The longest run whose sums stay below 2^32.
        const end = Math.min(at + 5552, bytes.length);
        for (; at < end; at++) b += a += bytes[at] ?? 0;
        a %= 65_521;
        b %= 65_521;
      }
    },
    trailer: () => fourBytes((b << 16) | a),
  };
}

function crcTable(): Int32Array {
  const polynomial = 0xedb88320;
  return Int32Array.from({ length: 256 }, (_, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = (value & 1) === 1 ? (value >>> 1) ^ polynomial : value >>> 1;
    return value;
  });
}

function fourBytes(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
}

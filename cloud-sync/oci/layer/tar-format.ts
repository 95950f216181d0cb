/** The ustar header block (POSIX.1-2017, pax, "ustar Interchange Format"), which every dialect of tar shares. */
export const tarBlockBytes = 512;

export type TarField = { readonly at: number; readonly bytes: number };

/** Numbers are octal text that NUL or a space ends; GNU's base-256 form has the highest bit of the first byte set. */
export const tarFields = {
  name: { at: 0, bytes: 100 },
  mode: { at: 100, bytes: 8 },
  uid: { at: 108, bytes: 8 },
  gid: { at: 116, bytes: 8 },
  size: { at: 124, bytes: 12 },
  mtime: { at: 136, bytes: 12 },
  checksum: { at: 148, bytes: 8 },
  type: { at: 156, bytes: 1 },
  linkName: { at: 157, bytes: 100 },
  magic: { at: 257, bytes: 6 },
  version: { at: 263, bytes: 2 },
  deviceMajor: { at: 329, bytes: 8 },
  deviceMinor: { at: 337, bytes: 8 },
  /** Stands before `name`, with a slash between; only after POSIX's magic. */
  prefix: { at: 345, bytes: 155 },
} as const satisfies Record<string, TarField>;

/** `ustar` and NUL, then version `00`; old GNU archives have `ustar ` and ` ` NUL, and no prefix. */
export const ustarMagic = 'ustar\0';

export const tarTypes = {
  file: '0',
  hardLink: '1',
  symlink: '2',
  characterDevice: '3',
  blockDevice: '4',
  folder: '5',
  fifo: '6',
  contiguousFile: '7',
  /** Records for the next entry, and for all that follow. */
  pax: 'x',
  paxGlobal: 'g',
  /** The next entry's link target and name, where they are too long for their fields. */
  gnuLongLink: 'K',
  gnuLongName: 'L',
  gnuSparse: 'S',
} as const;

/** In front of the name of an extended attribute in a PAX record, as star, GNU tar and Go write it. */
export const paxAttributePrefix = 'SCHILY.xattr.';

/** The sum of a header's bytes, those of the checksum itself taken as spaces. */
export function tarChecksum(header: Uint8Array): number {
  const { at, bytes } = tarFields.checksum;
  let sum = 32 * bytes;
  for (let index = 0; index < tarBlockBytes; index += 1) {
    if (index < at || index >= at + bytes) sum += header[index] ?? 0;
  }
  return sum;
}

/** Zeros that fill a body of `bytes` up to whole blocks. */
export function tarPadding(bytes: number): number {
  return (tarBlockBytes - (bytes % tarBlockBytes)) % tarBlockBytes;
}

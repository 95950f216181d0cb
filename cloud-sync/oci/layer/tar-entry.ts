import { isUtf8 } from 'node:buffer';
import { badArchive, quoted } from './bad-archive.ts';
import type { PaxRecords } from './pax-records.ts';
import {
  paxAttributePrefix,
  tarChecksum,
  tarFields,
  tarTypes,
  ustarMagic,
  type TarField,
} from './tar-format.ts';
import { tarNumber } from './tar-number.ts';

type TarEntryType = 'file' | 'folder' | 'symlink' | 'hardLink' | 'fifo' | 'characterDevice' | 'blockDevice';

/** One member of an archive, PAX and GNU headers taken into account. Paths are as they stand there, of any kind. */
export type TarEntry = {
  readonly type: TarEntryType;
  readonly path: string;
  /** Of links; else empty. */
  readonly linkTarget: string;
  /** Bytes of the body; none but a file has one. */
  readonly size: number;
  /** Permission, set-id and sticky bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Since 1970. */
  readonly mtimeNs: bigint;
  readonly attributes: ReadonlyMap<string, Buffer>;
};

/** What headers before an entry's own say of it. */
export type TarExtensions = {
  readonly pax: PaxRecords;
  readonly longName?: Buffer | undefined;
  readonly longLink?: Buffer | undefined;
};

const types: Partial<Record<string, TarEntryType>> = {
  [tarTypes.file]: 'file',
  '\0': 'file',
  [tarTypes.contiguousFile]: 'file',
  [tarTypes.hardLink]: 'hardLink',
  [tarTypes.symlink]: 'symlink',
  [tarTypes.characterDevice]: 'characterDevice',
  [tarTypes.blockDevice]: 'blockDevice',
  [tarTypes.folder]: 'folder',
  [tarTypes.fifo]: 'fifo',
};

/** -1 means to Linux that an owner stays. */
const maxId = 2 ** 32 - 2;
/** Seconds either way; far beyond what a file system holds. */
const maxSeconds = 2 ** 40;
const nanoseconds = 1_000_000_000n;

/** Throws `badArchive` unless the block is a header. */
export function checkHeader(header: Buffer): void {
  const claimed = tarNumber(header, tarFields.checksum);
  if (claimed !== tarChecksum(header) && claimed !== signedChecksum(header))
    throw badArchive('a header is damaged: its checksum is another');
}

/** Some old programs added the bytes as signed ones. */
function signedChecksum(header: Buffer): number {
  return tarChecksum(header) - 256 * outside(header).filter((byte) => byte > 127).length;
}

function outside(header: Buffer): number[] {
  const { at, bytes } = tarFields.checksum;
  return [...header.subarray(0, at), ...header.subarray(at + bytes)];
}

/** The type byte of a header. */
export function headerType(header: Buffer): string {
  return String.fromCharCode(header[tarFields.type.at] ?? 0);
}

/** Throws `badArchive` for what is of no known type, or says what cannot be. */
export function tarEntry(header: Buffer, { pax, longName, longLink }: TarExtensions): TarEntry {
  const path = text(pax.get('path') ?? longName ?? nameOf(header), 'A path');
  const named = types[headerType(header)];
  if (named === undefined || isSparse(pax))
    throw badArchive(`${quoted(path)} is of a type that layers do not have (${typeText(header, pax)})`);
  // Before POSIX, folders were files with a slash at the end.
  const type = named === 'file' && path.endsWith('/') ? 'folder' : named;
  const isLink = type === 'hardLink' || type === 'symlink';
  return {
    type,
    path,
    linkTarget: isLink
      ? text(pax.get('linkpath') ?? longLink ?? bytesOf(header, tarFields.linkName), path)
      : '',
    size: type === 'file' ? bounded(sizeOf(header, pax), Number.MAX_SAFE_INTEGER, path) : 0,
    mode: tarNumber(header, tarFields.mode) & 0o7777,
    uid: bounded(paxNumber(pax, 'uid') ?? tarNumber(header, tarFields.uid), maxId, path),
    gid: bounded(paxNumber(pax, 'gid') ?? tarNumber(header, tarFields.gid), maxId, path),
    mtimeNs: mtimeOf(header, pax, path),
    attributes: attributesOf(pax),
  };
}

/** Bytes that follow this header. */
export function sizeOf(header: Buffer, pax: PaxRecords): number {
  return paxNumber(pax, 'size') ?? tarNumber(header, tarFields.size);
}

function isSparse(pax: PaxRecords): boolean {
  return [...pax.keys()].some((key) => key.startsWith('GNU.sparse.'));
}

function typeText(header: Buffer, pax: PaxRecords): string {
  return isSparse(pax) || headerType(header) === tarTypes.gnuSparse ? 'sparse' : quoted(headerType(header));
}

function nameOf(header: Buffer): Buffer {
  const name = bytesOf(header, tarFields.name);
  const isPosix = header.toString('latin1', tarFields.magic.at, tarFields.magic.at + 6) === ustarMagic;
  const prefix = isPosix ? bytesOf(header, tarFields.prefix) : Buffer.alloc(0);
  return prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.from('/'), name]);
}

/** Up to the first NUL. */
function bytesOf(header: Buffer, { at, bytes }: TarField): Buffer {
  const field = header.subarray(at, at + bytes);
  const end = field.indexOf(0);
  return end < 0 ? field : field.subarray(0, end);
}

function text(bytes: Buffer, what: string): string {
  if (!isUtf8(bytes)) throw badArchive(`${what} is no UTF-8: ${quoted(bytes.toString('latin1'))}`);
  return bytes.toString('utf8');
}

function paxNumber(pax: PaxRecords, key: string): number | undefined {
  const value = pax.get(key)?.toString('latin1');
  if (value === undefined) return undefined;
  if (!/^[0-9]{1,16}$/.test(value))
    throw badArchive(`a PAX header has a ${key} that is none: ${quoted(value)}`);
  return Number(value);
}

function bounded(value: number, most: number, path: string): number {
  if (value >= 0 && value <= most) return value;
  throw badArchive(`${quoted(path)} has a number that cannot be: ${value}`);
}

/** PAX writes seconds as a decimal fraction, negative before 1970. */
function mtimeOf(header: Buffer, pax: PaxRecords, path: string): bigint {
  const value = pax.get('mtime')?.toString('latin1') ?? String(tarNumber(header, tarFields.mtime));
  const [, sign = '', seconds = '', fraction = ''] =
    /^(-?)([0-9]{1,16})(?:\.([0-9]{0,32}))?$/.exec(value) ?? [];
  if (seconds === '' || Number(seconds) > maxSeconds)
    throw badArchive(`${quoted(path)} has a time that is none: ${quoted(value)}`);
  const size = BigInt(seconds) * nanoseconds + BigInt(fraction.padEnd(9, '0').slice(0, 9));
  return sign === '' ? size : -size;
}

const none: ReadonlyMap<string, Buffer> = new Map();

function attributesOf(pax: PaxRecords): ReadonlyMap<string, Buffer> {
  if (pax.size === 0) return none;
  return new Map(
    [...pax].flatMap(([key, value]) =>
      key.startsWith(paxAttributePrefix) ? [[key.slice(paxAttributePrefix.length), value] as const] : [],
    ),
  );
}

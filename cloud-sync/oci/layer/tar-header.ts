import { SyncError } from '../../errors.ts';
import {
  paxAttributePrefix,
  tarBlockBytes,
  tarChecksum,
  tarFields,
  tarPadding,
  tarTypes,
  ustarMagic,
  type TarField,
} from './tar-format.ts';

export type TarEntry = {
  readonly type: 'file' | 'folder' | 'symlink' | 'hardLink';
  /** Bytes as they are on disk, parts divided by slashes, relative. */
  readonly path: Uint8Array;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Of the body that follows; 0 of all but files. */
  readonly size: number;
  /** Nanoseconds since 1970. */
  readonly mtimeNs: bigint;
  /** Of a symbolic link its text, of a hard link the path of an entry before it. */
  readonly target?: Uint8Array;
  readonly attributes?: readonly TarAttribute[];
};

export type TarAttribute = { readonly name: string; readonly value: Uint8Array };

type PaxRecord = readonly [key: string, value: Uint8Array];

const secondNs = 1_000_000_000n;
const ownMode = 0o644;

/**
 * The header of an entry: ustar, behind pax records (POSIX.1-2017) where a field does not hold the value. The same entry makes the
 * same bytes. A SyncError `badArchive` for what no tar can hold.
 */
export function tarHeader(entry: TarEntry): Buffer {
  const path = entry.type === 'folder' ? Buffer.concat([entry.path, slash]) : Buffer.from(entry.path);
  if (path.includes(0) || (entry.target ?? nothing).includes(0)) throw withNul(path);
  const records = paxRecords({ ...entry, path });
  const header = headerBlock({ ...entry, path }, tarTypes[entry.type]);
  return records.length === 0 ? header : Buffer.concat([...paxEntry(records), header]);
}

/** Two blocks of zeros. */
export const tarEnd = Buffer.alloc(2 * tarBlockBytes);

const slash = Buffer.from('/');
const nothing = Buffer.alloc(0);

function paxRecords({ path, target = nothing, mtimeNs, attributes = [], ...numbers }: TarEntry): PaxRecord[] {
  const records: PaxRecord[] = [];
  if (path.byteLength > tarFields.name.bytes) records.push(['path', path]);
  if (target.byteLength > tarFields.linkName.bytes) records.push(['linkpath', target]);
  if (mtimeNs % secondNs !== 0n || !fits(mtimeNs / secondNs, tarFields.mtime))
    records.push(['mtime', Buffer.from(secondsText(mtimeNs))]);
  for (const key of ['size', 'uid', 'gid'] as const) {
    if (!fits(BigInt(numbers[key]), tarFields[key])) records.push([key, Buffer.from(String(numbers[key]))]);
  }
  for (const { name, value } of attributes) {
    if (name.includes('=')) throw badAttribute(name);
    records.push([`${paxAttributePrefix}${name}`, value]);
  }
  return records;
}

/** An entry of its own, whose body the records are. */
function paxEntry(records: readonly PaxRecord[]): Buffer[] {
  const body = Buffer.concat(records.map(paxRecord));
  const path = Buffer.from('PaxHeader');
  const entry = {
    type: 'file',
    path,
    mode: ownMode,
    uid: 0,
    gid: 0,
    size: body.byteLength,
    mtimeNs: 0n,
  } as const;
  return [headerBlock(entry, tarTypes.pax), body, Buffer.alloc(tarPadding(body.byteLength))];
}

/** `LENGTH KEY=VALUE\n`, where the length counts its own digits. */
function paxRecord([key, value]: PaxRecord): Buffer {
  const start = Buffer.from(` ${key}=`);
  const rest = start.byteLength + value.byteLength + 1;
  let length = rest + String(rest).length;
  if (String(length).length > String(rest).length) length += 1;
  return Buffer.concat([Buffer.from(String(length)), start, value, Buffer.from('\n')]);
}

/** What does not fit is cut, or 0: a record says it in full. */
function headerBlock(entry: TarEntry, type: string): Buffer {
  const block = Buffer.alloc(tarBlockBytes);
  const { path, target = nothing, mode, uid, gid, size, mtimeNs } = entry;
  block.set(path.subarray(0, tarFields.name.bytes), tarFields.name.at);
  block.set(target.subarray(0, tarFields.linkName.bytes), tarFields.linkName.at);
  putNumber(block, tarFields.mode, BigInt(mode));
  putNumber(block, tarFields.uid, BigInt(uid));
  putNumber(block, tarFields.gid, BigInt(gid));
  putNumber(block, tarFields.size, BigInt(size));
  putNumber(block, tarFields.mtime, mtimeNs / secondNs);
  block.write(type, tarFields.type.at, 'latin1');
  block.write(`${ustarMagic}00`, tarFields.magic.at, 'latin1');
  const sum = tarChecksum(block).toString(8).padStart(6, '0');
  block.write(`${sum}\0 `, tarFields.checksum.at, 'latin1');
  return block;
}

function putNumber(block: Buffer, field: TarField, value: bigint): void {
  const text = (fits(value, field) ? value : 0n).toString(8).padStart(field.bytes - 1, '0');
  block.write(text, field.at, 'latin1');
}

/** One octal digit less than the field has bytes, for the NUL that ends it. */
function fits(value: bigint, field: TarField): boolean {
  return value >= 0n && value < 8n ** BigInt(field.bytes - 1);
}

/** `1700000000.25`, `-0.5` */
function secondsText(ns: bigint): string {
  const positive = ns < 0n ? -ns : ns;
  const fraction = String(positive % secondNs)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return `${ns < 0n ? '-' : ''}${positive / secondNs}${fraction === '' ? '' : `.${fraction}`}`;
}

function withNul(path: Buffer): SyncError {
  return new SyncError(
    'badArchive',
    `The name ${JSON.stringify(path.toString())} holds a NUL, which no archive can`,
  );
}

function badAttribute(name: string): SyncError {
  return new SyncError('badArchive', `The extended attribute ${JSON.stringify(name)} has a = in its name`, {
    hint: 'Remove it (setfattr -x): archives have no way to write it.',
  });
}

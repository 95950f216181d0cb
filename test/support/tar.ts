import {
  paxAttributePrefix,
  tarBlockBytes,
  tarChecksum,
  tarFields,
  tarPadding,
  tarTypes,
  ustarMagic,
  type TarField,
} from '../../cloud-sync/oci/layer/tar-format.ts';

/** A member of an archive as a test wants it, however wrong. */
export type TarMember = {
  readonly path: string | Uint8Array;
  /** Type byte, default a file; `tarTypes` names them. */
  readonly type?: string;
  readonly content?: string | Uint8Array;
  readonly linkTarget?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Seconds; with a fraction it is written as a PAX record. */
  readonly mtime?: number;
  readonly attributes?: Readonly<Record<string, string | Uint8Array>>;
  /** Further PAX records. */
  readonly pax?: Readonly<Record<string, string>>;
  /** In the header, in place of the content's. */
  readonly size?: number;
  /** Spoils the finished header block. */
  readonly spoil?: (header: Buffer) => void;
};

/** An archive of these members, byte by byte by hand: no check is between a test and what it wants. */
export function tarOf(
  members: readonly TarMember[],
  { end = true }: { readonly end?: boolean } = {},
): Buffer {
  const tail = end ? [Buffer.alloc(2 * tarBlockBytes)] : [];
  return Buffer.concat([...members.map(memberBytes), ...tail]);
}

/** `<length> <key>=<value>\n` */
export function paxRecord(key: string, value: string | Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from('\n')]);
  let length = body.length + 1;
  while (String(length).length + body.length !== length) length += 1;
  return Buffer.concat([Buffer.from(String(length)), body]);
}

function memberBytes(member: TarMember): Buffer {
  const records = [
    ...Object.entries(member.attributes ?? {}).map(([name, value]) =>
      paxRecord(paxAttributePrefix + name, value),
    ),
    ...Object.entries(member.pax ?? {}).map(([key, value]) => paxRecord(key, value)),
    ...longRecords(member),
  ];
  const own = block(member, Buffer.from(member.content ?? ''));
  if (records.length === 0) return own;
  return Buffer.concat([block({ path: 'pax', type: tarTypes.pax }, Buffer.concat(records)), own]);
}

function longRecords({ path, linkTarget = '', mtime = 0 }: TarMember): Buffer[] {
  return [
    ...(Buffer.byteLength(path) > 100 ? [paxRecord('path', path)] : []),
    ...(Buffer.byteLength(linkTarget) > 100 ? [paxRecord('linkpath', linkTarget)] : []),
    ...(Number.isInteger(mtime) && mtime >= 0 ? [] : [paxRecord('mtime', String(mtime))]),
  ];
}

function block(member: TarMember, content: Buffer): Buffer {
  const { path, linkTarget = '', mode = 0o644, uid = 0, gid = 0, mtime = 0 } = member;
  const header = Buffer.alloc(tarBlockBytes);
  Buffer.from(path).copy(header, tarFields.name.at, 0, tarFields.name.bytes);
  Buffer.from(linkTarget).copy(header, tarFields.linkName.at, 0, tarFields.linkName.bytes);
  octal(header, tarFields.mode, mode);
  octal(header, tarFields.uid, uid);
  octal(header, tarFields.gid, gid);
  octal(header, tarFields.size, member.size ?? content.length);
  octal(header, tarFields.mtime, Math.max(0, Math.floor(mtime)));
  header.write(member.type ?? tarTypes.file, tarFields.type.at, 'latin1');
  header.write(`${ustarMagic}00`, tarFields.magic.at, 'latin1');
  octal(header, tarFields.deviceMajor, 0);
  octal(header, tarFields.deviceMinor, 0);
  octal(header, tarFields.checksum, tarChecksum(header));
  member.spoil?.(header);
  return Buffer.concat([header, content, Buffer.alloc(tarPadding(content.length))]);
}

function octal(header: Buffer, { at, bytes }: TarField, value: number): void {
  header.write(`${value.toString(8).padStart(bytes - 1, '0')}\0`, at, 'latin1');
}

import { badArchive } from './bad-archive.ts';

/** Values are bytes: those of extended attributes are no text. */
export type PaxRecords = ReadonlyMap<string, Buffer>;

const space = 0x20;
const equals = 0x3d;
const newline = 0x0a;

/** Records `<length> <key>=<value>\n`, the length that of the whole record. Throws `badArchive`. */
export function parsePaxRecords(bytes: Buffer): PaxRecords {
  const records = new Map<string, Buffer>();
  for (let at = 0; at < bytes.length;) {
    const { key, value, end } = recordAt(bytes, at);
    // An empty value takes an earlier one back.
    if (value.length === 0) records.delete(key);
    else records.set(key, value);
    at = end;
  }
  return records;
}

function recordAt(bytes: Buffer, at: number): { key: string; value: Buffer; end: number } {
  const blank = bytes.subarray(at, at + 8).indexOf(space);
  const digits = bytes.toString('latin1', at, at + Math.max(blank, 0));
  const end = at + Number(digits);
  const separator = bytes.subarray(0, end).indexOf(equals, at);
  const start = at + blank + 1;
  if (!/^[1-9][0-9]*$/.test(digits) || end > bytes.length || separator <= start || bytes[end - 1] !== newline)
    throw badArchive('a PAX header has a record that is none');
  return {
    key: bytes.toString('utf8', start, separator),
    value: Buffer.from(bytes.subarray(separator + 1, end - 1)),
    end,
  };
}

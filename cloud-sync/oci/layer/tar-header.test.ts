import { describe, expect, test } from '@jest/globals';
import { tarChecksum, tarFields, type TarField } from './tar-format.ts';
import { tarHeader, type TarEntry } from './tar-header.ts';

const file: TarEntry = {
  type: 'file',
  path: Buffer.from('etc/motd'),
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 12,
  mtimeNs: 1_700_000_000n * 1_000_000_000n,
};

function text(block: Buffer, { at, bytes }: TarField): string {
  return block.toString('latin1', at, at + bytes).replace(/\0.*$/s, '');
}

/** The records before the last block, by key. */
function recordsOf(header: Buffer): Map<string, string> {
  const size = parseInt(text(header, tarFields.size), 8);
  const records = new Map<string, string>();
  for (let at = 512; at < 512 + size;) {
    const length = parseInt(header.toString('latin1', at, at + 12), 10);
    const record = header.toString('utf8', at, at + length);
    expect(record.endsWith('\n')).toBe(true);
    const [, key = '', value = ''] = /^[0-9]+ ([^=]+)=([^]*)\n$/.exec(record) ?? [];
    records.set(key, value);
    at += length;
  }
  return records;
}

describe('a header', () => {
  test('is one ustar block with a checksum where its fields hold everything', () => {
    const header = tarHeader(file);
    expect(header.byteLength).toBe(512);
    expect(text(header, tarFields.name)).toBe('etc/motd');
    expect(text(header, tarFields.mode)).toBe('0000644');
    expect(text(header, tarFields.size)).toBe('00000000014');
    expect(parseInt(text(header, tarFields.mtime), 8)).toBe(1_700_000_000);
    expect(text(header, tarFields.magic)).toBe('ustar');
    expect(parseInt(text(header, tarFields.checksum), 8)).toBe(tarChecksum(header));
  });

  test('ends the name of a folder with a slash', () => {
    const header = tarHeader({ ...file, type: 'folder', size: 0, path: Buffer.from('usr/lib') });
    expect(text(header, tarFields.name)).toBe('usr/lib/');
    expect(text(header, tarFields.type)).toBe('5');
  });

  test('says in records what its fields do not hold: names, targets, sizes, owners, parts of a second, attributes', () => {
    const path = `${'a'.repeat(60)}/${'ü'.repeat(60)}`;
    const header = tarHeader({
      ...file,
      path: Buffer.from(path),
      target: Buffer.from('t'.repeat(101)),
      size: 8 ** 11,
      uid: 3_000_000,
      mtimeNs: 1_500_000_001n,
      attributes: [{ name: 'user.note', value: Buffer.from('a\nb=c') }],
    });
    expect(header.byteLength % 512).toBe(0);
    expect(Object.fromEntries(recordsOf(header))).toEqual({
      path,
      linkpath: 't'.repeat(101),
      mtime: '1.500000001',
      size: String(8 ** 11),
      uid: '3000000',
      'SCHILY.xattr.user.note': 'a\nb=c',
    });
  });

  test.each([
    [-1n, '-0.000000001'],
    [-2_000_000_000n, '-2'],
    [8n ** 11n * 1_000_000_000n, '8589934592'],
  ])('writes the time of %d ns as %s', (mtimeNs, seconds) => {
    expect(recordsOf(tarHeader({ ...file, mtimeNs })).get('mtime')).toBe(seconds);
  });

  test('counts the digits of its own length in a record', () => {
    // 989 bytes make a record of 999; with one more the length itself is longer.
    for (const length of [101, 102, 103, 989, 990, 991, 992]) {
      const path = 'p'.repeat(length);
      expect(recordsOf(tarHeader({ ...file, path: Buffer.from(path) })).get('path')).toBe(path);
    }
  });

  test('refuses names that no archive can hold', () => {
    expect(() => tarHeader({ ...file, path: Buffer.from('a\0b') })).toThrow(/NUL/);
    const attributes = [{ name: 'user.a=b', value: Buffer.from('x') }];
    expect(() => tarHeader({ ...file, attributes })).toThrow(/= in its name/);
  });
});

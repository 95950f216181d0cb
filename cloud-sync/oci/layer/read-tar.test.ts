import { describe, expect, test } from '@jest/globals';
import { tarOf, type TarMember } from '../../../test/support/tar.ts';
import { SyncError } from '../../errors.ts';
import { TarReader } from './read-tar.ts';
import type { TarEntry } from './tar-entry.ts';
import { tarBlockBytes, tarChecksum, tarFields, tarTypes } from './tar-format.ts';

type Member = TarEntry & { readonly content: string };

/** Reads an archive in pieces of this size. */
function read(tar: Buffer, pieceBytes = tar.length): Member[] {
  const members: Member[] = [];
  let pieces: Buffer[] = [];
  let current: TarEntry | undefined;
  const reader = new TarReader({
    entry: (entry) => {
      current = entry;
      pieces = [];
    },
    data: (piece) => pieces.push(Buffer.from(piece)),
    end: () => {
      if (current) members.push({ ...current, content: Buffer.concat(pieces).toString('latin1') });
    },
  });
  for (let at = 0; at < tar.length; at += pieceBytes) reader.push(tar.subarray(at, at + pieceBytes));
  reader.finish();
  return members;
}

const members: TarMember[] = [
  { path: 'folder/', type: tarTypes.folder, mode: 0o755 },
  { path: 'folder/small', content: 'small', mode: 0o4755, uid: 7, gid: 8, mtime: 12.25 },
  { path: 'folder/large', content: 'x'.repeat(3000), attributes: { 'user.a': 'b' } },
  { path: 'link', type: tarTypes.symlink, linkTarget: `${'far/'.repeat(60)}away` },
  { path: `${'deep/'.repeat(40)}file`, content: 'y' },
];

describe('an archive', () => {
  test.each([1, 7, 512, 513, 100_000])('is the same read in pieces of %i bytes', (pieceBytes) => {
    const tar = tarOf(members);
    expect(read(tar, pieceBytes)).toEqual(read(tar));
  });

  test('gives what its headers say', () => {
    const [, small, large, link, deep] = read(tarOf(members));
    expect(small).toMatchObject({
      type: 'file',
      mode: 0o4755,
      uid: 7,
      gid: 8,
      mtimeNs: 12_250_000_000n,
      content: 'small',
    });
    expect(large?.attributes).toEqual(new Map([['user.a', Buffer.from('b')]]));
    expect(link?.linkTarget).toBe(`${'far/'.repeat(60)}away`);
    expect(deep?.path).toBe(`${'deep/'.repeat(40)}file`);
  });

  test('may end without blocks of zeros, and with more behind them', () => {
    expect(read(tarOf(members, { end: false }))).toHaveLength(5);
    expect(read(Buffer.concat([tarOf(members), Buffer.from('anything at all')]))).toHaveLength(5);
  });

  test('has numbers in base 256, and paths in two parts', () => {
    const spoil = (header: Buffer): void => {
      header.fill(0, tarFields.uid.at, tarFields.uid.at + 8);
      header[tarFields.uid.at] = 0x80;
      header.writeUInt32BE(3_000_000_000, tarFields.uid.at + 4);
      header.write('front/part', tarFields.prefix.at);
      const { at, bytes } = tarFields.checksum;
      header.write(
        `${tarChecksum(header)
          .toString(8)
          .padStart(bytes - 2, '0')}\0 `,
        at,
      );
    };
    expect(read(tarOf([{ path: 'name', spoil }]))).toMatchObject([
      { path: 'front/part/name', uid: 3_000_000_000 },
    ]);
  });

  test('takes what PAX says for one entry alone', () => {
    const pax = { path: 'other', uid: '99', mtime: '-1.5' };
    expect(read(tarOf([{ path: 'x', pax }, { path: 'y' }]))).toMatchObject([
      { path: 'other', uid: 99, mtimeNs: -1_500_000_000n },
      { path: 'y', uid: 0, mtimeNs: 0n },
    ]);
  });

  test('with damaged bytes is refused or read, and nothing else', () => {
    const tar = tarOf(members, { end: false });
    let random = 12_345;
    const next = (below: number): number => (random = (random * 1_103_515_245 + 12_345) % 2 ** 31) % below;
    let refused = 0;
    for (let round = 0; round < 3000; round += 1) {
      const damaged = Buffer.from(tar);
      const block = next(tar.length / tarBlockBytes) * tarBlockBytes;
      for (let count = next(3); count >= 0; count -= 1) damaged[block + next(tarBlockBytes)] = next(256);
      if (round % 2 === 0) mend(damaged.subarray(block, block + tarBlockBytes));
      try {
        read(damaged.subarray(0, round % 5 === 0 ? next(damaged.length) : undefined), 999);
      } catch (error) {
        if (!(error instanceof SyncError) || error.code !== 'badArchive') throw error;
        refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(1000);
  });
});

/** Gives a block the checksum that it should have, so that what lies behind that check is reached. */
function mend(header: Buffer): void {
  header.write(`${tarChecksum(header).toString(8).padStart(6, '0')}\0 `, tarFields.checksum.at, 'latin1');
}

import { randomFillSync } from 'node:crypto';
import { constants, openSync, statSync } from 'node:fs';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { directBlockBytes, directFlag } from '../../lib/direct-access.ts';
import { DirectWriter } from '../../cloud-sync/vault/restore/direct-writer.ts';
import { FileWriter } from '../../cloud-sync/vault/restore/file-writer.ts';
import type { Posix } from '../../lib/posix.ts';
import { temporaryFolder } from '../support/cli.ts';

const plainAttributes = { uid: 0, gid: 0, mode: 0o600, extended: [], atimeNs: 0n, mtimeNs: 0n };

function openFor(path: string, flags: number[] = []) {
  return (flag: number) => {
    flags.push(flag);
    return openSync(path, constants.O_WRONLY | flag);
  };
}

test('what the disk took are whole blocks of the file, and the right bytes', async () => {
  await using temporary = await temporaryFolder();
  const path = join(temporary.path, 'file');
  // More than goes through its memory at once.
  const bytes = randomFillSync(Buffer.alloc(9_000_001));
  const writer = new DirectWriter();
  for (const position of [0, 1, 4095, 8192, 1_000_003]) {
    await writeFile(path, '');
    const { start, end } = writer.write(openFor(path), bytes, position);
    // How many is for the file system to say: one without O_DIRECT takes none.
    if (end > 0) {
      expect((position + start) % directBlockBytes).toBe(0);
      expect((position + end) % directBlockBytes).toBe(0);
      expect(bytes.length - (end - start)).toBeLessThan(2 * directBlockBytes);
      const written = await readFile(path);
      expect(written.subarray(position + start).equals(bytes.subarray(start, end))).toBe(true);
    }
  }
});

test('small pieces are left to the system', async () => {
  await using temporary = await temporaryFolder();
  const path = join(temporary.path, 'file');
  await writeFile(path, '');
  const flags: number[] = [];
  const writer = new DirectWriter();
  for (const length of [0, 1, 4096, 60_000])
    expect(writer.write(openFor(path, flags), Buffer.alloc(length), 4095)).toEqual({ start: 0, end: 0 });
  expect(flags).toEqual([]);
});

test.each(['EINVAL', 'EOPNOTSUPP'])('a file system that answers %s is not asked again', (code) => {
  let asked = 0;
  const writer = new DirectWriter();
  const open = (): number => {
    asked++;
    throw Object.assign(new Error('not here'), { code });
  };
  for (let time = 0; time < 3; time++)
    expect(writer.write(open, Buffer.alloc(1_000_000), 0)).toEqual({ start: 0, end: 0 });
  expect(asked).toBe(directFlag === undefined ? 0 : 1);
});

test('a disk without room is told', () => {
  if (directFlag === undefined) return;
  const open = (): number => {
    throw Object.assign(new Error('full'), { code: 'ENOSPC' });
  };
  expect(() => new DirectWriter().write(open, Buffer.alloc(1_000_000), 0)).toThrow('full');
});

test.each([true, false])(
  'files of large pieces anywhere are whole, with holes left out: %s',
  async (sparse) => {
    await using temporary = await temporaryFolder();
    const content = randomFillSync(Buffer.alloc(5_000_017));
    content.fill(0, 300_001, 1_400_000);
    content.fill(0, 4_800_000);
    const owner = { posix: undefined, owners: false, uid: 0, gid: 0 };
    const writer = new FileWriter(temporary.path, sparse, owner);
    writer.writeWhole({ index: 0, path: 'whole', attributes: plainAttributes }, content);
    expect((await readFile(join(temporary.path, 'whole'))).equals(content)).toBe(true);
    await writeFile(join(temporary.path, 'parts'), '');
    const cuts = [0, 200_003, 1_111_111, 2_222_222, 5_000_017];
    const parts = cuts.slice(1).map((to, place) => [cuts[place] ?? 0, to] as const);
    for (const [from, to] of parts.toReversed())
      writer.writePart({ index: 1, path: 'parts', positions: [from] }, content.subarray(from, to));
    writer.finish({ index: 1, path: 'parts', attributes: plainAttributes, bytes: content.length });
    expect((await readFile(join(temporary.path, 'parts'))).equals(content)).toBe(true);
  },
);

test('attributes that take the right to write come before a mode without it, those that a mode changes after it', async () => {
  await using temporary = await temporaryFolder();
  const modes: Record<string, string> = {};
  const posix = {
    setAttribute: (path: string, name: string) => (modes[name] = (statSync(path).mode & 0o777).toString(8)),
    setTimes: () => undefined,
  } as unknown as Posix;
  const extended = ['user.note', 'security.capability'].map((name) => ({ name, value: Buffer.from('1') }));
  const writer = new FileWriter(temporary.path, true, { posix, owners: false, uid: 0, gid: 0 });
  const attributes = { ...plainAttributes, mode: 0o444, extended };
  expect(writer.writeWhole({ index: 0, path: 'file', attributes }, Buffer.from('text'))).toEqual([]);
  expect(modes).toEqual({ 'user.note': '600', 'security.capability': '444' });
  expect((await stat(join(temporary.path, 'file'))).mode & 0o777).toBe(0o444);
});

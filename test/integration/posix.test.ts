import { afterAll, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPosix } from '../../lib/posix.ts';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-posix-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const posix = openPosix()!;

describe('what node has no function for', () => {
  test('gives an attribute that a program of the system reads, and reads one that it set', () => {
    const file = join(folder, 'attributes');
    writeFileSync(file, 'x');
    posix.setAttribute(file, 'user.ours', Buffer.from([0, 1, 255]));
    expect(execFileSync('getfattr', ['--only-values', '-n', 'user.ours', file])).toEqual(
      Buffer.from([0, 1, 255]),
    );
    execFileSync('setfattr', ['-n', 'user.theirs', '-v', 'value', file]);
    expect(posix.listAttributes(file).sort()).toEqual(['user.ours', 'user.theirs']);
    expect(posix.getAttribute(file, 'user.theirs').toString()).toBe('value');
  });

  test('gives an attribute whose name is no UTF-8 by the bytes of its name, beside others', () => {
    const file = join(folder, 'odd-attributes');
    writeFileSync(file, 'x');
    const odd = Buffer.concat([Buffer.from('user.'), Buffer.from([0xff, 0xe4])]);
    posix.setAttribute(file, odd, Buffer.from('odd'));
    posix.setAttribute(file, 'user.ours', Buffer.from('ours'));
    const names = posix.listAttributes(file);
    expect(names).toHaveLength(2);
    expect(names).toEqual(expect.arrayContaining([odd, 'user.ours']));
    expect(posix.getAttribute(file, odd).toString()).toBe('odd');
    posix.removeAttribute(file, odd);
    expect(posix.listAttributes(file)).toEqual(['user.ours']);
  });

  test('gives the attributes of an open file, whatever has its name since', () => {
    const file = join(folder, 'renamed');
    writeFileSync(file, 'x');
    posix.setAttribute(file, 'user.ours', Buffer.from('value'));
    const descriptor = openSync(file, 'r');
    try {
      renameSync(file, `${file}-away`);
      writeFileSync(file, 'another');
      expect(posix.listAttributes(file)).toEqual([]);
      expect(posix.listAttributes(descriptor)).toEqual(['user.ours']);
      expect(posix.getAttribute(descriptor, 'user.ours').toString()).toBe('value');
    } finally {
      closeSync(descriptor);
    }
    expect(() => posix.listAttributes(descriptor)).toThrow(expect.objectContaining({ code: 'EBADF' }));
  });

  test('sets times to the nanosecond, also before 1970, also of a link to nowhere', () => {
    const link = join(folder, 'link');
    symlinkSync('nowhere', link);
    posix.setTimes(link, { atimeNs: 1_700_000_000_123_456_789n, mtimeNs: -1_500_000_001n });
    expect(lstatSync(link, { bigint: true })).toMatchObject({ mtimeNs: -1_500_000_001n });
  });

  test('sets times of an open file', () => {
    const path = join(folder, 'open');
    const file = openSync(path, 'w');
    try {
      posix.setTimes(file, { atimeNs: 1_700_000_000_123_456_789n, mtimeNs: -1_500_000_001n });
    } finally {
      closeSync(file);
    }
    const { atimeNs, mtimeNs } = lstatSync(path, { bigint: true });
    expect([atimeNs, mtimeNs]).toEqual([1_700_000_000_123_456_789n, -1_500_000_001n]);
    expect(() => posix.setTimes(file, { atimeNs: 0n, mtimeNs: 0n })).toThrow(
      expect.objectContaining({ code: 'EBADF' }),
    );
  });

  test('forgets what it remembers of an open file, which reads the same', () => {
    const path = join(folder, 'cached');
    writeFileSync(path, 'text');
    const file = openSync(path, 'r');
    try {
      posix.forgetCached(file);
      expect(readFileSync(file, 'utf8')).toBe('text');
    } finally {
      closeSync(file);
    }
    expect(() => posix.forgetCached(file)).toThrow(expect.objectContaining({ code: 'EBADF' }));
  });

  test('makes a fifo under a name that is no UTF-8', () => {
    const path = Buffer.concat([Buffer.from(`${folder}/fifo-`), Buffer.from([0xff])]);
    posix.makeNode(path, 0o010600, 0);
    expect(lstatSync(path).isFIFO()).toBe(true);
  });

  test('fails with the code that node would give', () => {
    const missing = join(folder, 'missing');
    const failing = (call: () => unknown) =>
      expect(call).toThrow(expect.objectContaining({ code: 'ENOENT' }));
    failing(() => posix.listAttributes(missing));
    failing(() => posix.getAttribute(missing, 'user.x'));
    failing(() => posix.setTimes(missing, { atimeNs: 0n, mtimeNs: 0n }));
    expect(() => posix.getAttribute(folder, 'user.none')).toThrow(
      expect.objectContaining({ code: 'ENODATA' }),
    );
    expect(() => posix.listAttributes(`${folder}\0etc`)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  });

  test('syncs the file system of an open folder, and says so when it cannot', () => {
    const descriptor = openSync(folder, 'r');
    posix.syncFileSystem(descriptor);
    closeSync(descriptor);
    expect(() => posix.syncFileSystem(descriptor)).toThrow(expect.objectContaining({ code: 'EBADF' }));
    expect(readFileSync(join(folder, 'attributes'), 'utf8')).toBe('x');
  });
});

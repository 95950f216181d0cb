import { describe, expect, test } from '@jest/globals';
import { factNames, type FileFacts } from './file-facts.ts';
import { FolderEntries } from './folder-entries.ts';
import { folderPrint } from './folder-print.ts';

const facts: FileFacts = {
  dev: 66_306n,
  ino: 2n ** 53n + 1n,
  mode: 0o100644n,
  nlink: 1n,
  uid: 1_000n,
  gid: 100n,
  rdev: 0n,
  size: 5_000_000_000n,
  mtimeNs: -1n,
  ctimeNs: 1_700_000_000_123_456_789n,
};
const entries = (...list: [string, Partial<FileFacts>?][]) =>
  FolderEntries.from(list.map(([name, other = {}]) => ({ name, facts: { ...facts, ...other } })));

describe('the entries of a folder', () => {
  test('are what was put in, to the nanosecond and the last bit', () => {
    const two = entries(['a'], ['b', { mode: 0o040755n }]);
    expect(two.at(0)).toEqual({ name: 'a', type: 'file', facts });
    expect(two.at(1).type).toBe('dir');
    expect(two.sizeAt(0)).toBe(5_000_000_000);
  });

  test('have another print when any fact or name is another', () => {
    const print = folderPrint(entries(['a'], ['b']));
    expect(folderPrint(entries(['a'], ['b']))).toBe(print);
    const others = factNames.map((name) => folderPrint(entries(['a'], ['b', { [name]: facts[name] + 1n }])));
    const names = [entries(['a'], ['c']), entries(['a'], ['b'], ['c']), entries(['a']), entries()];
    const all = [print, ...others, ...names.map((some) => folderPrint(some))];
    expect(new Set(all).size).toBe(all.length);
  });

  test('tell names apart that differ in bytes which are no UTF-8', () => {
    expect(folderPrint(entries(['\udcff']))).not.toBe(folderPrint(entries(['\udcfe'])));
  });
});

import { describe, expect, test } from '@jest/globals';
import { blobIdOf } from '../format/blob-id.ts';
import { encodeTree } from '../format/tree.ts';
import type { TreeNode } from '../format/tree-node.ts';
import { EarlierSnapshot } from './earlier-snapshot.ts';
import type { FileFacts } from './file-facts.ts';
import { FolderEntries } from './folder-entries.ts';
import { FolderPatch } from './folder-patch.ts';
import { folderPrint } from './folder-print.ts';

const secondNs = 1_000_000_000n;
const secondMs = Date.parse('2026-11-21T12:00:00Z');
const wholeNs = BigInt(secondMs) * 1_000_000n;
const id = blobIdOf(Buffer.from('some'));

/** Whether a file with this `ctime`, the same as in the parent, need not be read. */
async function isBelieved(ctimeNs: bigint, parentTime: string): Promise<boolean> {
  const facts = { size: 4n, mtimeNs: 5n, ctimeNs, ino: 6n, mode: 0o100644n } as FileFacts;
  const node: TreeNode = {
    ...{ name: 'a', type: 'file', mode: 0o644, size: 4, mtimeNs: 5n, atimeNs: 5n, ctimeNs, inode: 6 },
    ...{ uid: 0, gid: 0, user: '', group: '', deviceId: 1, links: 1, content: [id] },
  };
  const document = {
    ...{ time: parentTime, tree: id, paths: ['/'], hostname: '', username: '', uid: 0, gid: 0 },
    ...{ tags: [], excludes: [], programVersion: '' },
  };
  const earlier = new EarlierSnapshot({
    readTree: () => Promise.resolve(encodeTree([node])),
    index: () => Promise.resolve({ has: () => true }),
    parent: { id, document, receivedMs: null },
    memory: undefined,
    entries: () => Promise.resolve(undefined),
  });
  const now = FolderEntries.from([]);
  const folder = await earlier.folder({ remembered: undefined, tree: id, now, isSame: false });
  return earlier.has(facts, folder.node('a')!);
}

describe('a file that looks as its parent saw it', () => {
  test('is believed when it is older than the parent, by more than a tick of the clock', async () => {
    expect(await isBelieved(wholeNs + 1n, '2026-11-21T12:00:00.100Z')).toBe(true);
    expect(await isBelieved(wholeNs + 60_000_000n, '2026-11-21T12:00:00.100Z')).toBe(false);
  });

  test('is read where times are whole seconds, until every write of that time is past', async () => {
    expect(await isBelieved(wholeNs, '2026-11-21T12:00:00.900Z')).toBe(false);
    expect(await isBelieved(wholeNs - secondNs, '2026-11-21T12:00:00.900Z')).toBe(false);
    expect(await isBelieved(wholeNs - 2n * secondNs, '2026-11-21T12:00:00.900Z')).toBe(true);
  });
});

test('what is remembered of entries under the number of another folder is not believed', async () => {
  const nodes = ['a', 'b'].map((name): TreeNode => ({
    ...{ name, type: 'file', mode: 0o644, size: 4, mtimeNs: 5n, atimeNs: 5n, ctimeNs: 5n, inode: 6 },
    ...{ uid: 0, gid: 0, user: '', group: '', deviceId: 1, links: 1, content: [id] },
  }));
  const facts = { size: 4n, mtimeNs: 5n, ctimeNs: 5n, ino: 6n, mode: 0o100644n } as FileFacts;
  const zero = { dev: 0n, nlink: 0n, uid: 0n, gid: 0n, rdev: 0n };
  const now = FolderEntries.from(['a', 'b'].map((name) => ({ name, facts: { ...zero, ...facts } })));
  const document = {
    ...{ time: '2026-11-21T12:00:00Z', tree: id, paths: ['/'], hostname: '', username: '', uid: 0, gid: 0 },
    ...{ tags: [], excludes: [], programVersion: '' },
  };
  const folderWith = async (entries: FolderEntries) => {
    const earlier = new EarlierSnapshot({
      readTree: () => Promise.resolve(encodeTree(nodes)),
      index: () => Promise.resolve({ has: () => true }),
      parent: { id, document, receivedMs: null },
      memory: {
        ...{ version: 1, tree: id, context: '', indexFiles: [] },
        folders: [['', folderPrint(now), id]],
      },
      entries: () => Promise.resolve({ of: () => entries }),
    });
    return earlier.folder({ remembered: earlier.remembered(''), now, isSame: false });
  };
  expect(await folderWith(now)).toBeInstanceOf(FolderPatch);
  expect(await folderWith(FolderEntries.from([]))).not.toBeInstanceOf(FolderPatch);
});

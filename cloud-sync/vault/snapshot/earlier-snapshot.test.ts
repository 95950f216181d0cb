import { describe, expect, test } from '@jest/globals';
import { blobIdOf } from '../format/blob-id.ts';
import { encodeTree } from '../format/tree.ts';
import type { TreeNode } from '../format/tree-node.ts';
import { EarlierSnapshot } from './earlier-snapshot.ts';
import type { FileFacts } from './file-facts.ts';
import { FolderEntries } from './folder-entries.ts';

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

import { describe, expect, test } from '@jest/globals';
import { splitTree } from '../format/encoded-node.ts';
import { decodeTree, encodeTree } from '../format/tree.ts';
import type { TreeNode } from '../format/tree-node.ts';
import { EarlierFolder } from './earlier-folder.ts';

const node: TreeNode = {
  ...{ name: 'a', type: 'file', mode: 0o644, mtimeNs: 1n, atimeNs: 1n, ctimeNs: 2n, uid: 1, gid: 2 },
  ...{ user: 'ada', group: '', inode: 3, deviceId: 4, links: 1, size: 0, content: [] },
};
const { content: _, ...bare } = node;
const plain = encodeTree(
  ['b', 'd', 'f', 'h', 'j'].map((name) =>
    name === 'd' ? { ...bare, name, type: 'dir' } : { ...node, name },
  ),
);

describe('a folder of the parent', () => {
  for (const [how, nodes] of [
    ['as texts', splitTree(plain)!],
    ['as entries', decodeTree(plain)],
  ] as const) {
    test(`gives its entries in whatever order they are asked for, ${how}`, () => {
      const folder = new EarlierFolder(nodes);
      for (const name of ['a', 'b', 'c', 'f', 'f', 'j', 'h', 'd', 'b', 'j', 'z']) {
        const known = 'bdfhj'.includes(name);
        expect([name, folder.has(name)]).toEqual([name, known]);
        expect(folder.node(name)?.name).toBe(known ? name : undefined);
        expect(folder.text(name)?.name).toBe(known && how === 'as texts' ? name : undefined);
      }
      expect(folder.others.map(({ name }) => name)).toEqual(['b', 'f', 'h', 'j']);
    });
  }
});

import { describe, expect, test } from '@jest/globals';
import { compareNames } from '../format/name-bytes.ts';
import { encodeTree } from '../format/tree.ts';
import type { TreeNode } from '../format/tree-node.ts';
import { FolderEntries } from './folder-entries.ts';
import { FolderPatch } from './folder-patch.ts';
import { factNames, type FileFacts } from './file-facts.ts';

const node: TreeNode = {
  ...{ name: 'a', type: 'file', mode: 0o644, mtimeNs: 1n, atimeNs: 1n, ctimeNs: 2n, uid: 1, gid: 2 },
  ...{ user: '', group: '', inode: 3, deviceId: 4, links: 1, size: 0, content: [] },
};

/** `facts`: what differs from zero in those of each name. */
function entries(facts: Readonly<Record<string, Partial<FileFacts>>>): FolderEntries {
  const zero = Object.fromEntries(factNames.map((name) => [name, 0n])) as FileFacts;
  return FolderEntries.from(
    Object.entries(facts).map(([name, some]) => ({ name, facts: { ...zero, mode: 0o100644n, ...some } })),
  );
}

function treeOf(names: readonly string[], size = 0): Buffer {
  return encodeTree(names.toSorted(compareNames).map((name) => ({ ...node, name, size })));
}

const none: ReadonlySet<string> = new Set();

describe('a patch', () => {
  const before = entries({ a: {}, b: {}, d: {}, e: {} });
  const plain = treeOf(['a', 'b', 'd', 'e']);

  test.each(factNames)('tells an entry by its %s, whatever else is as it was', (name) => {
    for (const value of [1n, 2n ** 40n, -1n]) {
      const now = entries({ a: {}, b: { [name]: value }, d: {}, e: {} });
      const patch = FolderPatch.of(plain, now, before)!;
      expect([0, 1, 2, 3].map((index) => patch.isSame(index))).toEqual([true, false, true, true]);
    }
  });

  test('takes in what is new, leaves out what is gone, and replaces what is not the same', () => {
    const now = entries({ '0': {}, a: {}, c: {}, d: { size: 7n }, z: {} });
    const patch = FolderPatch.of(plain, now, before)!;
    expect([0, 1, 2, 3, 4].map((index) => patch.isSame(index))).toEqual([false, true, false, false, false]);
    expect(['0', 'a', 'c', 'd', 'z'].map((name) => patch.has(name))).toEqual([
      false,
      true,
      false,
      true,
      false,
    ]);
    expect(patch.node('d')).toMatchObject({ name: 'd', size: 0 });
    expect(patch.node('c')).toBeUndefined();
    const nodes = new Map(['0', 'c', 'd', 'z'].map((name) => [name, { ...node, name }]));
    expect(patch.tree(nodes, none)).toEqual(treeOf(['0', 'a', 'c', 'd', 'z']));
  });

  test('has no entry for what could not be read', () => {
    const now = entries({ a: { size: 1n }, b: {}, c: {}, d: {}, e: {} });
    const patch = FolderPatch.of(plain, now, before)!;
    expect(patch.tree(new Map(), new Set(['e']))).toEqual(treeOf(['b', 'd']));
  });

  test('of a folder that is as it was replaces what is named', () => {
    const patch = FolderPatch.of(plain, before, undefined)!;
    expect(patch.isSame(0)).toBe(true);
    expect(patch.tree(new Map(), none)).toEqual(plain);
    expect(patch.tree(new Map([['b', { ...node, name: 'b', size: 5 }]]), new Set(['a', 'e']))).toEqual(
      encodeTree([
        { ...node, name: 'b', size: 5 },
        { ...node, name: 'd' },
      ]),
    );
  });

  test('is none of names in another order than that of trees, or whose order is another in bytes', () => {
    const other = entries({ a: {}, b: {}, c: {}, d: {}, e: {} });
    expect(FolderPatch.of(plain, entries({ b: {}, a: {} }), before)).toBeUndefined();
    expect(FolderPatch.of(plain, other, entries({ b: {}, a: {} }))).toBeUndefined();
    expect(FolderPatch.of(plain, entries({ '\u{1f600}': {}, '\uffee': {} }), before)).toBeUndefined();
  });

  test('is none of a tree with attributes, of which the names look like those of entries', () => {
    const extendedAttributes = [{ name: 'user.a', value: Buffer.from('x') }];
    expect(FolderPatch.of(encodeTree([{ ...node, extendedAttributes }]), before, undefined)).toBeUndefined();
  });

  test('makes no tree of one that is not that of what is remembered', () => {
    const now = entries({ a: {}, b: {}, d: {}, e: { size: 1n } });
    const patch = FolderPatch.of(treeOf(['a', 'b']), now, before)!;
    expect(patch.tree(new Map([['e', { ...node, name: 'e' }]]), none)).toBeUndefined();
  });
});

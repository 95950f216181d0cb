import { describe, expect, test } from '@jest/globals';
import { seededRandom } from '../../../test/support/random.ts';
import { blobIdOf } from './blob-id.ts';
import { compareNames, nameOfBytes } from './name-bytes.ts';
import { findNode, patchTree, type TreeEdit } from './patch-tree.ts';
import { encodeNode } from './encode-node.ts';
import { decodeTree, encodeTree } from './tree.ts';
import type { TreeNode } from './tree-node.ts';

const node: TreeNode = {
  ...{ name: 'a', type: 'file', mode: 0o644, mtimeNs: 1n, atimeNs: 1n, ctimeNs: 2n, uid: 1, gid: 2 },
  ...{ user: 'ada', group: '', inode: 3, deviceId: 4, links: 1, size: 0, content: [] },
};
const id = blobIdOf(Buffer.from('some'));
const traps = [
  '},{"name":"b","type":"file"',
  '"',
  '\\',
  '\\"',
  'a\nb',
  'ä\u2028',
  '<&>',
  '\u{1f600}',
  '\ufffd',
];
const odd = [...traps, nameOfBytes(Buffer.from([0x61, 0xff, 0x22])), '{"nodes":[', ']}\n'];

function named(names: readonly string[], mode = 0o644): TreeNode[] {
  return [...new Set(names)].sort(compareNames).map((name) => ({ ...node, name, mode }));
}

/** `before` with other entries, by a patch; and all of them encoded. */
function bothWays(before: readonly TreeNode[], after: readonly TreeNode[]): (Buffer | undefined)[] {
  const old = new Map(before.map((each) => [each.name, each]));
  const now = new Map(after.map((each) => [each.name, each]));
  const names = [...new Set([...old.keys(), ...now.keys()])].sort(compareNames);
  const edits = names.flatMap((name): TreeEdit[] => {
    if (old.get(name) === now.get(name)) return [];
    const next = before.find((each) => compareNames(each.name, name) > 0)?.name;
    return [{ name, node: now.get(name), ...(!old.has(name) && { place: { before: next } }) }];
  });
  return [patchTree(encodeTree(before), edits), encodeTree(after)];
}

describe('a patched tree', () => {
  test('is what encoding all of its entries gives', () => {
    const random = seededRandom(7);
    const many = Array.from({ length: 400 }, (_, at) => `file-${at * 7}`);
    for (let round = 0; round < 300; round += 1) {
      const pool = [...odd, ...many.slice(0, Math.floor(random() ** 4 * many.length))];
      const before = named(pool.filter(() => random() < 0.7));
      const replaced = before.map((each) => (random() < 0.2 ? { ...each, mode: 0o600, size: 9 } : each));
      const kept = replaced.filter(() => random() < 0.9);
      const had = new Set(before.map(({ name }) => name));
      const added = named(pool.filter((name) => !had.has(name) && random() < 0.5));
      const after = [...kept, ...added].sort((one, other) => compareNames(one.name, other.name));
      const [patched, encoded] = bothWays(before, after);
      expect(patched?.equals(encoded ?? Buffer.of())).toBe(true);
    }
  });

  test('may be empty before or afterwards', () => {
    for (const [before, after] of [
      [[], named(['a'])],
      [named(['a', 'b']), []],
      [[], []],
    ] as const) {
      const [patched, encoded] = bothWays(before, after);
      expect(patched).toEqual(encoded);
    }
  });

  test('is none where an entry that is to be replaced is not there', () => {
    const plain = encodeTree(named(['a', 'c', ...Array.from({ length: 50 }, (_, at) => `x${at}`)]));
    for (const name of ['0', 'b', 'x', 'z']) {
      expect(patchTree(plain, [{ name, node: undefined }])).toBeUndefined();
      expect(findNode(plain, name)).toBeUndefined();
    }
  });

  test.each([0, 1, 4, 20])('gives each entry of files of up to %i chunks', (most) => {
    const random = seededRandom(most + 1);
    for (let round = 0; round < 60; round += 1) {
      const names = Array.from(
        { length: 2 + Math.floor(random() * 100) },
        (_, at) => `${'n'.repeat(round)}${at}`,
      );
      const nodes = named(names).map((each) => {
        const content = Array.from({ length: Math.floor(random() * (most + 1)) }, () => id);
        return { ...each, content };
      });
      const plain = encodeTree(nodes);
      for (const each of nodes) expect(findNode(plain, each.name)).toBe(encodeNode(each));
    }
  });

  test('gives the text of each entry', () => {
    const nodes = decodeTree(
      encodeTree(named([...odd, ...Array.from({ length: 200 }, (_, at) => `n${at}`)])),
    );
    const plain = encodeTree(nodes);
    for (const each of nodes) expect(findNode(plain, each.name)).toBe(encodeNode(each));
  });
});

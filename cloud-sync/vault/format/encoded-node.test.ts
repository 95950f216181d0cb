import { describe, expect, test } from '@jest/globals';
import { encodeNode } from './encode-node.ts';
import { splitTree } from './encoded-node.ts';
import { nameOfBytes } from './name-bytes.ts';
import { decodeTree, encodeTree } from './tree.ts';
import type { TreeNode } from './tree-node.ts';

const node: TreeNode = {
  ...{ name: 'a', type: 'file', mode: 0o644, mtimeNs: 1n, atimeNs: 1n, ctimeNs: 2n, uid: 1, gid: 2 },
  ...{ user: 'ada', group: '', inode: 3, deviceId: 4, links: 1, size: 0, content: [] },
};

describe('a tree that is not parsed', () => {
  test('has the names, types and texts of its entries, whatever stands in them', () => {
    const traps = [
      '}',
      '},{"name":"b","type":"file"',
      '","type":"dir"',
      '"',
      '\\',
      '\\"',
      'a\nb',
      'ä\u2028',
      '<&>',
    ];
    const names = [...traps, nameOfBytes(Buffer.from([0x61, 0xff, 0x22])), '\u{1f600}'];
    const nodes = decodeTree(
      encodeTree([
        ...names.map((name) => ({ ...node, name, user: name.toWellFormed() })),
        { ...node, name: 'link', type: 'symlink', linkTarget: '},{"name":"b","type":"file"' },
        { ...node, name: 'folder', type: 'dir', links: 0 },
      ]),
    );
    expect(splitTree(encodeTree(nodes))).toEqual(
      nodes.map((each) => ({ name: each.name, type: each.type, json: encodeNode(each) })),
    );
  });

  test('is made again of these', () => {
    const plain = encodeTree(['b', 'a', '"', 'c'].map((name) => ({ ...node, name })));
    expect(encodeTree(splitTree(plain)!.toReversed())).toEqual(plain);
    expect(splitTree(encodeTree([]))).toEqual([]);
  });

  test('has no attributes: names of these look like those of entries', () => {
    const extendedAttributes = ['user.a', 'user.b'].map((name) => ({ name, value: Buffer.from('x') }));
    expect(splitTree(encodeTree([{ ...node, extendedAttributes }]))).toBeUndefined();
  });

  test('is one that this program wrote', () => {
    for (const text of [
      '{"nodes":[{"type":"file","name":"a"}]}\n',
      '{ "nodes": [] }',
      '{"nodes":null}\n',
      '',
    ]) {
      expect(splitTree(Buffer.from(text))).toBeUndefined();
    }
  });
});

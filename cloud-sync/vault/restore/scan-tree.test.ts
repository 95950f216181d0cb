import { describe, expect, it } from '@jest/globals';
import { SyncError } from '../../errors.ts';
import { blobIdOf, type BlobId } from '../format/blob-id.ts';
import type { TreeNode } from '../format/tree-node.ts';
import type { BlobLocation } from '../repository.ts';
import { scanTree, type TreeSource } from './scan-tree.ts';

const id = (text: string): BlobId => blobIdOf(Buffer.from(text));
const at: BlobLocation = { pack: 'p', offset: 0, length: 132 };

function node(name: string, rest: Partial<TreeNode> = {}): TreeNode {
  const times = { mtimeNs: 1n, atimeNs: 1n, ctimeNs: 1n };
  const owner = { uid: 0, gid: 0, user: '', group: '' };
  return {
    name,
    type: 'file',
    mode: 0o644,
    inode: 1,
    deviceId: 1,
    links: 1,
    size: 0,
    ...times,
    ...owner,
    ...rest,
  };
}

const folder = (name: string, subtree: string): TreeNode => node(name, { type: 'dir', subtree: id(subtree) });

/** `blobs` are what the index names, `trees` what can be read. */
function source(
  blobs: readonly string[],
  trees: Readonly<Record<string, readonly TreeNode[]>> = {},
): TreeSource {
  const known = new Set(blobs.map(id));
  const byId = new Map(Object.entries(trees).map(([text, nodes]) => [id(text), nodes]));
  return {
    index: { find: (blob) => (known.has(blob) ? at : undefined) },
    readTree: (tree) => {
      const nodes = byId.get(tree);
      return nodes ? Promise.resolve(nodes) : Promise.reject(new SyncError('corrupt', 'flipped'));
    },
  };
}

const scan = (from: TreeSource, nodes: readonly TreeNode[], above = '') =>
  scanTree(from, nodes, { above, signal: new AbortController().signal });

describe('what a restore makes', () => {
  it('has folders before what is in them, and the bytes of all files', async () => {
    const from = source(['x'], { a: [folder('b', 'b')], b: [node('file', { content: [id('x'), id('x')] })] });
    const tree = await scan(from, [folder('a', 'a'), node('empty')]);
    expect(tree.folders.map(({ path }) => path)).toEqual(['a', 'a/b']);
    expect(tree.files.map(({ path, bytes }) => [path, bytes])).toEqual([
      ['empty', 0],
      ['a/b/file', 200],
    ]);
    expect(tree).toMatchObject({ bytes: 200, problems: [] });
  });

  it('lacks files with a blob that no index names, and folders that cannot be read, and says so', async () => {
    const nodes = [
      folder('flipped', '?'),
      node('gone', { content: [id('x'), id('y')] }),
      node('good', { content: [id('x')] }),
    ];
    const tree = await scan(source(['x']), nodes, '/above');
    expect(tree.files.map(({ path }) => path)).toEqual(['good']);
    expect(tree.folders).toEqual([]);
    expect(tree.problems.map(({ path, code }) => [path, code])).toEqual([
      ['/above/gone', 'missing'],
      ['/above/flipped', 'damaged'],
    ]);
  });

  it('passes on failures that may pass', async () => {
    const from = {
      ...source([]),
      readTree: () => Promise.reject(new SyncError('network', 'away', { transient: true })),
    };
    await expect(scan(from, [folder('a', 'a')])).rejects.toMatchObject({ code: 'network' });
  });

  it.each(['', '.', '..', '../up', 'a/b', '/etc', 'nul\0', '\udcc3\udca9'])(
    'has no entry named %j',
    async (name) => {
      const tree = await scan(source([]), [node(name), folder(name, 'a'), node('beside')]);
      expect([tree.folders.length, tree.files.map(({ path }) => path)]).toEqual([0, ['beside']]);
      expect(tree.problems.map(({ code }) => code)).toEqual(['damaged', 'damaged']);
    },
  );

  it('has the first of two entries of one name', async () => {
    const link = node('a', { type: 'symlink', linkTarget: '/etc' });
    const tree = await scan(source([], { a: [] }), [link, folder('a', 'a')]);
    expect([tree.nodes.length, tree.folders.length, tree.problems.length]).toEqual([1, 0, 1]);
  });

  it('has one file for names of one inode, unless what was read differs', async () => {
    const linked = { links: 3, inode: 7, content: [id('x')] };
    const tree = await scan(source(['x', 'y']), [
      node('first', linked),
      node('second', linked),
      node('changed', { ...linked, content: [id('y')] }),
      node('elsewhere', { ...linked, deviceId: 2 }),
    ]);
    expect(tree.files.map(({ path }) => path)).toEqual(['first', 'changed', 'elsewhere']);
    expect(tree.links).toEqual([{ path: 'second', of: 'first', file: 0 }]);
  });

  it('has no sockets, and no path that is longer than a path can be', async () => {
    const deep: Record<string, readonly TreeNode[]> = { deep: [folder('n'.repeat(200), 'deep')] };
    const tree = await scan(source([], deep), [node('s', { type: 'socket' }), folder('top', 'deep')]);
    expect(tree.nodes).toEqual([]);
    expect(tree.folders.length).toBeLessThan(25);
    expect(tree.problems.map(({ code }) => code)).toEqual(['unwritable']);
  });
});

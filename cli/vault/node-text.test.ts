import { expect, test } from '@jest/globals';
import type { TreeNode } from '../../cloud-sync/vault/format/tree-node.ts';
import { formatMode, formatNode, jsonOfNode } from './node-text.ts';

const node: TreeNode = {
  ...{ name: 'notes.txt', type: 'file', mode: 0o644, size: 1234, inode: 1, deviceId: 1, links: 1 },
  ...{
    mtimeNs: 1_700_000_000_123_456_789n,
    atimeNs: 0n,
    ctimeNs: 0n,
    uid: 0,
    gid: 1000,
    user: 'root',
    group: '',
  },
};

test('modes read as ls writes them, with set-id and sticky bits', () => {
  expect([0o755, 0o4755, 0o2644, 0o1777, 0o1666, 0].map(formatMode)).toEqual([
    'rwxr-xr-x',
    'rwsr-xr-x',
    'rw-r-Sr--',
    'rwxrwxrwt',
    'rw-rw-rwT',
    '---------',
  ]);
});

test('a long line has mode, owner, size, time in UTC and path; a link its target; a folder a slash', () => {
  expect(formatNode('docs/notes.txt', node, { long: true })).toBe(
    '-rw-r--r-- root     1000             1234 2023-11-14 22:13:20 docs/notes.txt',
  );
  expect(formatNode('a', { ...node, type: 'symlink', linkTarget: 'b' }, { long: true })).toMatch(
    /^l.* a -> b$/,
  );
  expect(formatNode('docs', { ...node, type: 'dir' }, { long: false })).toBe('docs/');
});

test('a name cannot move the cursor, and a time beyond the calendar is no crash', () => {
  const far = { ...node, mtimeNs: 2n ** 80n };
  expect(formatNode('a\u001b[2J\nb\udcff', far, { long: false })).toBe('a [2J b ');
  expect(jsonOfNode('a', far)).toMatchObject({ mode: '0644', mtime: '+275760-09-13T00:00:00.000Z' });
});

import { describe, expect, test } from '@jest/globals';
import { seededRandom } from '../../../test/support/random.ts';
import { blobIdOf } from './blob-id.ts';
import { nameOfBytes } from './name-bytes.ts';
import { decodeTree, encodeTree } from './tree.ts';
import type { NodeType, TreeNode } from './tree-node.ts';

const id = blobIdOf(Buffer.from('some'));
const file: TreeNode = {
  name: 'a',
  type: 'file',
  mode: 0o644,
  mtimeNs: 1_795_285_431_056_779_707n,
  atimeNs: 1_795_285_431_000_000_000n,
  ctimeNs: -5n,
  uid: 1000,
  gid: 100,
  user: 'ada',
  group: 'users',
  inode: 4243890,
  deviceId: 65024,
  links: 2,
  size: 3,
  content: [id],
};

function randomNode(random: () => number, name: string): TreeNode {
  const types: NodeType[] = ['file', 'dir', 'symlink', 'dev', 'chardev', 'fifo', 'socket'];
  const type = types[Math.floor(random() * types.length)] ?? 'file';
  const { content: _, ...rest } = file;
  const node = {
    ...rest,
    name,
    type,
    mode: Math.floor(random() * 0o10000),
    mtimeNs: BigInt(Math.floor(random() * 2e18) - 1e18),
    inode: Math.floor(random() * 2 ** 53),
    size: 0,
    user: random() < 0.5 ? '' : 'd<&>"\n',
  };
  const attributes = { extendedAttributes: [{ name: 'user.x', value: Buffer.of(0, 255, random() * 256) }] };
  const some = random() < 0.3 ? attributes : {};
  if (type === 'file')
    return { ...node, ...some, size: Math.floor(random() * 1e15), content: random() < 0.5 ? [] : [id, id] };
  if (type === 'dir') return { ...node, ...some, subtree: id };
  if (type === 'symlink')
    return { ...node, linkTarget: nameOfBytes(Buffer.of(0x2e, 0x2f, random() * 255 + 1)) };
  return type === 'dev' || type === 'chardev' ? { ...node, device: Math.floor(random() * 2 ** 32) } : node;
}

test('any entries come back as they were, in the order of their names', () => {
  const random = seededRandom(11);
  const names = new Set(
    Array.from({ length: 2000 }, () =>
      nameOfBytes(Buffer.from(Array.from({ length: 3 }, () => 0x30 + Math.floor(random() * 0xd0)))),
    ),
  );
  const nodes = [...names].map((name) => randomNode(random, name));
  const decoded = decodeTree(encodeTree(nodes));
  const byName = new Map(nodes.map((node) => [node.name, node]));
  expect(decoded).toHaveLength(nodes.length);
  for (const node of decoded) expect(node).toEqual(byName.get(node.name));
  expect(encodeTree(decoded).equals(encodeTree(nodes.reverse()))).toBe(true);
});

test('a tree is written as restic 0.14 wrote one', () => {
  const special = {
    ...file,
    name: 'sub',
    type: 'dir',
    mode: 0o6755,
    links: 0,
    size: 0,
    subtree: id,
  } as const;
  const link = {
    ...file,
    name: 'l',
    type: 'symlink',
    mode: 0o777,
    size: 0,
    links: 1,
    linkTarget: 'tgt<&>',
  } as const;
  const text = encodeTree([special, link, file]).toString();
  expect(text).toBe(
    `{"nodes":[{"name":"a","type":"file","mode":420,"mtime":"2026-11-21T18:23:51.056779707Z","atime":"2026-11-21T18:23:51Z",` +
      `"ctime":"1969-12-31T23:59:59.999999995Z","uid":1000,"gid":100,"user":"ada","group":"users","inode":4243890,"device_id":65024,` +
      `"size":3,"links":2,"content":["${id}"]},{"name":"l","type":"symlink","mode":134218239,"mtime":"2026-11-21T18:23:51.056779707Z",` +
      `"atime":"2026-11-21T18:23:51Z","ctime":"1969-12-31T23:59:59.999999995Z","uid":1000,"gid":100,"user":"ada","group":"users",` +
      `"inode":4243890,"device_id":65024,"links":1,"linktarget":"tgt\\u003c\\u0026\\u003e","content":null},{"name":"sub","type":"dir",` +
      `"mode":2160067053,"mtime":"2026-11-21T18:23:51.056779707Z","atime":"2026-11-21T18:23:51Z","ctime":"1969-12-31T23:59:59.999999995Z",` +
      `"uid":1000,"gid":100,"user":"ada","group":"users","inode":4243890,"device_id":65024,"content":null,"subtree":"${id}"}]}\n`,
  );
});

test('a number of 64 bits, of which some are lost, is written so that restic can read it', () => {
  const text = encodeTree([{ ...file, inode: 2 ** 64, deviceId: 2 ** 60 }]).toString();
  expect(text).toContain('"inode":18446744073709551615,"device_id":1152921504606846976');
});

describe('a tree is refused that', () => {
  const node = JSON.parse(encodeTree([file]).toString().slice('{"nodes":['.length, -3)) as Record<
    string,
    unknown
  >;
  const cases: [what: string, json: unknown][] = [
    ['is no JSON', undefined],
    ['is no object', [node]],
    ['has no nodes', {}],
    ['has nodes that are no list', { nodes: node }],
    ['has a node that is no object', { nodes: ['a'] }],
    ['has two entries of one name', { nodes: [node, { ...node, type: 'dir' }] }],
    ['hides two entries of one name in escapes', { nodes: [node, { ...node, name: '\\x61' }] }],
    ...['', '.', '..', 'a/b', '/', '\\x2f', '\\x00', '\\u002e.', 'a\\x2e\\x2fb', '\\'].map(
      (name): [string, unknown] => [
        `has an entry of the name ${JSON.stringify(name)}`,
        { nodes: [{ ...node, name }] },
      ],
    ),
    ['has an entry without a name', { nodes: [{ ...node, name: undefined }] }],
    ['has an entry of an unknown type', { nodes: [{ ...node, type: 'door' }] }],
    ['has a negative size', { nodes: [{ ...node, size: -1 }] }],
    ['has a size that is no integer', { nodes: [{ ...node, size: 1.5 }] }],
    ['has a size that is text', { nodes: [{ ...node, size: '3' }] }],
    ['has a user id of 33 bits', { nodes: [{ ...node, uid: 2 ** 32 }] }],
    ['has a time that is none', { nodes: [{ ...node, mtime: 'now' }] }],
    ['has a blob that is none', { nodes: [{ ...node, content: ['../x'] }] }],
    ['has a subtree that is none', { nodes: [{ ...node, type: 'dir', subtree: 5 }] }],
    ['has a link target with NUL', { nodes: [{ ...node, type: 'symlink', linktarget: 'a\0b' }] }],
    ['has attributes that are no list', { nodes: [{ ...node, extended_attributes: {} }] }],
  ];
  for (const [what, json] of cases) {
    test(what, () => {
      expect(() => decodeTree(Buffer.from(json === undefined ? '{' : JSON.stringify(json)))).toThrow(
        expect.objectContaining({ code: 'corrupt' }),
      );
    });
  }
});

test('keys that are not known are passed over, and what Go leaves out is nothing', () => {
  const [node] = decodeTree(Buffer.from('{"nodes":[{"name":"x","type":"file","future":{"a":1}}],"more":1}'));
  expect(node).toMatchObject({ name: 'x', mode: 0, mtimeNs: 0n, uid: 0, user: '', size: 0, content: [] });
});

test('a folder that could not be read again is not written', () => {
  const code = 'tooLarge';
  const many = Array<TreeNode>(1_000_001).fill(file);
  expect(() => encodeTree(many)).toThrow(expect.objectContaining({ code }));
  const long = { ...file, user: 'u'.repeat(2 ** 20) };
  const large = Array.from({ length: 512 }, (_, number) => ({ ...long, name: `${number}` }));
  expect(() => encodeTree(large)).toThrow(expect.objectContaining({ code }));
});

import { SyncError } from '../../errors.ts';
import { maxBlobBytes } from './blob-codec.ts';
import { decodeNode } from './decode-node.ts';
import { textOf, type EncodedNode } from './encoded-node.ts';
import { compareNames } from './name-bytes.ts';
import type { TreeNode } from './tree-node.ts';

const maxNodes = 1_000_000;
/** Text in the making takes several times what its bytes do: a folder of twenty thousand files would take fifty megabytes. */
const nodesAtOnce = 256;
const frameBytes = '{"nodes":[]}\n'.length;

/**
 * The plain bytes of a tree blob: the entries of a folder in the order of their names' bytes, as restic writes them. Rejects with
 * `tooLarge` what `decodeTree` would not read again.
 */
export function encodeTree(nodes: readonly (TreeNode | EncodedNode)[]): Buffer {
  if (nodes.length > maxNodes) throw tooLarge(nodes, `more than ${maxNodes} entries`);
  const all = sorted(nodes);
  const parts: Buffer[] = [];
  let bytes = frameBytes;
  for (let at = 0; at < all.length; at += nodesAtOnce) {
    const text = all
      .slice(at, at + nodesAtOnce)
      .map(textOf)
      .join(',');
    const part = Buffer.from(at === 0 ? text : `,${text}`);
    bytes += part.byteLength;
    if (bytes > maxBlobBytes) throw tooLarge(nodes, `a list of more than ${maxBlobBytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat([Buffer.from('{"nodes":['), ...parts, Buffer.from(']}\n')]);
}

/**
 * The entries in the order of their names. Rejects with `corrupt` what is no tree, has more than a million entries, two of one name, or
 * a name that no file can have: `..` and `a/b` never come out of here.
 */
export function decodeTree(bytes: Uint8Array): readonly TreeNode[] {
  const nodes = sorted(nodesOf(bytes).map(decodeNode));
  for (let at = 1; at < nodes.length; at += 1) {
    const name = nodes[at]?.name;
    if (name !== nodes[at - 1]?.name) continue;
    throw new SyncError('corrupt', `A tree has two entries named ${JSON.stringify(name)}`);
  }
  return nodes;
}

function tooLarge(nodes: readonly { readonly name: string }[], what: string): SyncError {
  const like = JSON.stringify(nodes[0]?.name);
  return new SyncError('tooLarge', `A folder of ${nodes.length} entries, ${like} among them, makes ${what}`, {
    hint: 'No restore could read it. Divide the folder, or leave it out of the snapshot.',
  });
}

function nodesOf(bytes: Uint8Array): readonly unknown[] {
  const { nodes } = Object(parse(bytes)) as { readonly nodes?: unknown };
  if (!Array.isArray(nodes)) throw new SyncError('corrupt', 'A tree has no list of nodes');
  if (nodes.length <= maxNodes) return nodes as readonly unknown[];
  throw new SyncError('corrupt', `A tree has ${nodes.length} entries: at most ${maxNodes} are read`);
}

function parse(bytes: Uint8Array): unknown {
  if (bytes.byteLength > maxBlobBytes) {
    throw new SyncError('corrupt', `A tree of ${bytes.byteLength} bytes is too large`);
  }
  try {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new SyncError('corrupt', `Cannot parse a tree of ${bytes.byteLength} bytes`, { cause: error });
  }
}

/** Mostly they are so already. */
function sorted<T extends { readonly name: string }>(nodes: readonly T[]): readonly T[] {
  if (nodes.every(({ name }, at) => at === 0 || compareNames(nodes[at - 1]?.name ?? '', name) <= 0))
    return nodes;
  return nodes.toSorted((one, other) => compareNames(one.name, other.name));
}

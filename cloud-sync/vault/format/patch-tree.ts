import { maxBlobBytes } from './blob-codec.ts';
import {
  betweenNodes,
  nameAt,
  nodeStart,
  textOf,
  treeHead,
  treeTail,
  type EncodedNode,
} from './encoded-node.ts';
import { compareNames } from './name-bytes.ts';
import type { TreeNode } from './tree-node.ts';

/** What becomes of one entry of a tree. */
export type TreeEdit = {
  readonly name: string;
  /** What stands there afterwards; undefined for nothing. */
  readonly node: TreeNode | EncodedNode | undefined;
  /** Where there is none of that name: the entry to put it in front of, undefined for the end. */
  readonly place?: { readonly before: string | undefined };
};

/**
 * A tree that `encodeTree` made, with some of its entries replaced, taken out or put in, as `encodeTree` would make it of them all: what
 * is not edited is copied. `edits`: each name once, in the order of the entries. Undefined where an entry that is named is not there, and
 * for a tree larger than what is read again.
 */
export function patchTree(plain: Buffer, edits: readonly TreeEdit[]): Buffer | undefined {
  const end = plain.byteLength - treeTail.length;
  const parts: Uint8Array[] = [];
  let at = treeHead.length;
  const copyUntil = (until: number): void => {
    if (until > at) parts.push(plain.subarray(at, until));
  };
  for (const { name, node, place } of edits) {
    const found = place === undefined || place.before !== undefined;
    const start = found ? startOf(plain, place?.before ?? name, at) : end + 1;
    if (start < 0) return undefined;
    copyUntil(start - 1);
    at = place === undefined ? endOfNode(plain, start) + 1 : start;
    if (node !== undefined) parts.push(Buffer.from(textOf(node)));
  }
  copyUntil(end);
  const patched = joined(parts);
  return patched.byteLength > maxBlobBytes ? undefined : patched;
}

/** The text of one of its entries; undefined for a name that it has not. */
export function findNode(plain: Buffer, name: string): string | undefined {
  const start = startOf(plain, name, treeHead.length);
  return start < 0 ? undefined : plain.toString('utf8', start, endOfNode(plain, start));
}

const enoughNarrowed = 1024;

/** Where the text of an entry begins, none of those in front of `from`; below zero for none. A tree may have megabytes: by halves. */
function startOf(plain: Buffer, name: string, from: number): number {
  let [low, high] = [from, plain.byteLength];
  while (high - low > enoughNarrowed) {
    const middle = Math.floor((low + high) / 2);
    const divider = plain.indexOf(betweenNodes, middle);
    if (divider < 0 || divider >= high) {
      high = middle;
      continue;
    }
    const order = compareNames(nameAt(plain, divider + 2), name);
    if (order === 0) return divider + 2;
    if (order < 0) low = divider + 2;
    else high = divider;
  }
  const wanted = Buffer.from(nodeStart(name));
  // A divider just in front of `high` begins an entry one byte behind it.
  const found = plain.subarray(low, high + 1 + wanted.byteLength).indexOf(wanted);
  return found < 0 ? found : low + found;
}

function endOfNode(plain: Buffer, start: number): number {
  const divider = plain.indexOf(betweenNodes, start);
  return divider < 0 ? plain.byteLength - treeTail.length : divider + 1;
}

const comma = Buffer.from(',');

function joined(parts: readonly Uint8Array[]): Buffer {
  const divided = parts.flatMap((part, index) => (index === 0 ? [part] : [comma, part]));
  return Buffer.concat([Buffer.from(treeHead), ...divided, Buffer.from(treeTail)]);
}

import { decodeNode } from '../format/decode-node.ts';
import { isDivisible, type EncodedNode } from '../format/encoded-node.ts';
import { findNode, patchTree, type TreeEdit } from '../format/patch-tree.ts';
import { compareNames } from '../format/name-bytes.ts';
import type { TreeNode } from '../format/tree-node.ts';
import type { FolderEntries, ListedEntries } from './folder-entries.ts';
import { factNames } from './file-facts.ts';
import { maxEntriesRemembered } from './snapshot-limits.ts';

/** What the parent saw in a folder, where what `lstat` said of its entries then is remembered: most of its tree stays as it is. */
export class FolderPatch {
  readonly #plain: Buffer;
  readonly #match: Match;

  private constructor(plain: Buffer, match: Match) {
    this.#plain = plain;
    this.#match = match;
  }

  /** `before`: of which `plain` is the tree; undefined when nothing of it is different. Undefined for what cannot be patched. */
  static of(plain: Buffer, now: FolderEntries, before: ListedEntries | undefined): FolderPatch | undefined {
    if (now.names.length > maxEntriesRemembered) return undefined;
    const match = before === undefined ? allSame : matchEntries(now, before);
    return match !== undefined && isDivisible(plain) ? new FolderPatch(plain, match) : undefined;
  }

  /** Whether `lstat` says of the entry with this number what it said then. */
  isSame(index: number): boolean {
    return this.#match.same === undefined || this.#match.same[index] === 1;
  }

  /** Whether there was an entry of this name; to be asked for such as are there now. */
  has(name: string): boolean {
    return !this.#match.added.has(name);
  }

  /** To be asked as `has`. */
  node(name: string): TreeNode | undefined {
    const json = this.has(name) ? findNode(this.#plain, name) : undefined;
    return json === undefined ? undefined : decodeNode(JSON.parse(json));
  }

  /**
   * The tree with these entries in place of those of their names, and without those that are not the same and not among them. `gone`:
   * which are left out though they are the same. Undefined when the tree is not the one of `before`.
   */
  tree(nodes: ReadonlyMap<string, TreeNode | EncodedNode>, gone: ReadonlySet<string>): Buffer | undefined {
    const { changed, added, removed } = this.#match;
    const edited = new Set([...changed, ...removed, ...gone, ...nodes.keys()]);
    const edits = Array.from(edited, (name): TreeEdit => {
      const place = added.get(name);
      return { name, node: nodes.get(name), ...(place && { place }) };
    });
    const made = edits.filter(({ node, place }) => node !== undefined || place === undefined);
    return patchTree(
      this.#plain,
      made.sort((one, other) => compareNames(one.name, other.name)),
    );
  }
}

type Match = {
  /** Of each entry now: 1 when it is as it was. Undefined when all are. */
  readonly same: Uint8Array | undefined;
  /** Names of those that were there and are not as they were. */
  readonly changed: readonly string[];
  /** Names that were not there, with the one in front of which they come. */
  readonly added: ReadonlyMap<string, { readonly before: string | undefined }>;
  /** Names that are not there any more. */
  readonly removed: readonly string[];
};

const allSame: Match = { same: undefined, changed: [], added: new Map(), removed: [] };

/** Undefined for lists that are not in the order of trees, or of which that cannot be told by comparing texts. */
function matchEntries(now: FolderEntries, before: ListedEntries): Match | undefined {
  const isSame = comparisonOf(now, before);
  const same = new Uint8Array(now.names.length);
  const changed: string[] = [];
  const compare = (index: number, other: number): void => {
    if (isSame(index, other)) same[index] = 1;
    else changed.push(now.names[index] ?? '');
  };
  if (now.joinedNames === before.joinedNames) {
    for (const index of now.names.keys()) compare(index, index);
    return { ...allSame, same, changed };
  }
  const old = before.joinedNames === '' ? [] : before.joinedNames.split('\0');
  if (!isInOrder(now) || !isInOrder({ names: old, joinedNames: before.joinedNames })) return undefined;
  const added = new Map<string, { readonly before: string | undefined }>();
  const removed: string[] = [];
  let at = 0;
  for (const [index, name] of now.names.entries()) {
    for (let other = old[at]; other !== undefined && other < name; other = old[at]) {
      removed.push(other);
      at += 1;
    }
    if (old[at] === name) {
      compare(index, at);
      at += 1;
    } else {
      added.set(name, { before: old[at] });
    }
  }
  return { same, changed, added, removed: [...removed, ...old.slice(at)] };
}

const wordsPerEntry = factNames.length * 2;

/** By words of thirty-two bits: those of sixty-four are objects. */
function comparisonOf(now: ListedEntries, before: ListedEntries): (one: number, other: number) => boolean {
  const [left, right] = [wordsOf(now), wordsOf(before)];
  return (one, other) => {
    const [from, otherFrom] = [one * wordsPerEntry, other * wordsPerEntry];
    for (let word = 0; word < wordsPerEntry; word += 1) {
      if (left[from + word] !== right[otherFrom + word]) return false;
    }
    return true;
  };
}

function wordsOf({ facts }: ListedEntries): Int32Array {
  return new Int32Array(facts.buffer, facts.byteOffset, facts.length * 2);
}

/** From here on the order of texts is not that of their bytes in UTF-8. */
const surrogates = /[\ud800-\uffff]/;

function isInOrder({
  names,
  joinedNames,
}: {
  readonly names: readonly string[];
  readonly joinedNames: string;
}): boolean {
  return !surrogates.test(joinedNames) && names.every((name, at) => at === 0 || (names[at - 1] ?? '') < name);
}

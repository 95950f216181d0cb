import { decodeNode } from '../format/decode-node.ts';
import type { EncodedNode } from '../format/encoded-node.ts';
import type { TreeNode } from '../format/tree-node.ts';
import { NamedList } from './named-list.ts';

/** What the parent saw in one folder: as the text it was, as long as no more than that is asked for. */
export class EarlierFolder {
  static readonly empty = new EarlierFolder([]);

  readonly #folders: NamedList<TreeNode | EncodedNode>;
  readonly #others: NamedList<TreeNode | EncodedNode>;

  /** In the order in which they are listed, best. */
  constructor(nodes: readonly (TreeNode | EncodedNode)[]) {
    this.#folders = new NamedList(nodes.filter(({ type }) => type === 'dir'));
    this.#others = new NamedList(nodes.filter(({ type }) => type !== 'dir'));
  }

  /** All that are no folders. */
  get others(): readonly (TreeNode | EncodedNode)[] {
    return this.#others.all;
  }

  has(name: string): boolean {
    return this.#find(name) !== undefined;
  }

  node(name: string): TreeNode | undefined {
    const node = this.#find(name);
    return node !== undefined && 'json' in node ? decodeNode(JSON.parse(node.json)) : node;
  }

  /** Undefined also for an entry of which the text is not known. */
  text(name: string): EncodedNode | undefined {
    const node = this.#find(name);
    return node !== undefined && 'json' in node ? node : undefined;
  }

  #find(name: string): TreeNode | EncodedNode | undefined {
    return (
      this.#others.next(name) ??
      this.#folders.next(name) ??
      this.#others.find(name) ??
      this.#folders.find(name)
    );
  }
}

import type { NodeType } from '../format/tree-node.ts';
import {
  factNames,
  factsAt,
  nodeTypeOf,
  packedFacts,
  putFacts,
  type FileFacts,
  type PackedFacts,
} from './file-facts.ts';

export type Entry = { readonly name: string; readonly type: NodeType; readonly facts: FileFacts };

const offsetOf = { mode: factNames.indexOf('mode'), size: factNames.indexOf('size') };

/** What is kept of the entries of a folder: their names, divided by NUL, and the facts of each in their order. */
export type ListedEntries = { readonly joinedNames: string; readonly facts: PackedFacts };

/** The entries of one folder. They wait by the hundred thousand for their turn, so they are kept small. */
export class FolderEntries implements ListedEntries {
  readonly names: readonly string[];
  readonly facts: PackedFacts;
  #joinedNames: string | undefined;

  /** `facts`: of each name, in their order. */
  constructor(names: readonly string[], facts: PackedFacts) {
    this.names = names;
    this.facts = facts;
  }

  static from(entries: readonly { readonly name: string; readonly facts: FileFacts }[]): FolderEntries {
    const packed = packedFacts(entries.length);
    for (const [index, { facts }] of entries.entries()) putFacts(packed, index, facts);
    return new FolderEntries(
      entries.map(({ name }) => name),
      packed,
    );
  }

  get joinedNames(): string {
    this.#joinedNames ??= this.names.join('\0');
    return this.#joinedNames;
  }

  at(index: number): Entry {
    return { name: this.names[index] ?? '', type: this.typeAt(index), facts: factsAt(this.facts, index) };
  }

  typeAt(index: number): NodeType {
    // Only such as have a type were put here.
    return nodeTypeOf(this.#fact(index, offsetOf.mode)) ?? 'file';
  }

  sizeAt(index: number): number {
    return Number(this.#fact(index, offsetOf.size));
  }

  /** The ten facts of one entry. */
  packedAt(index: number): PackedFacts {
    return this.facts.subarray(index * factNames.length, (index + 1) * factNames.length);
  }

  #fact(index: number, offset: number): bigint {
    return this.facts[index * factNames.length + offset] ?? 0n;
  }
}

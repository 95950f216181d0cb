import { BlobTable, type TableParts } from './blob-table.ts';
import type { IndexDocument } from './format/index-file.ts';
import type { BlobId, BlobType } from './format/blob-id.ts';
import type { BlobIndex, BlobLocation, PackContents, SharedBlobs } from './repository.ts';

export type ReadIndexFile = { readonly name: string; readonly document: IndexDocument };

/** The blobs of some index files. It never changes: with more files it becomes another one, which the holders of this do not see. */
export class FileBlobIndex implements BlobIndex {
  static readonly empty = new FileBlobIndex([], new BlobTable());

  readonly files: readonly string[];
  readonly #table: BlobTable;

  private constructor(files: readonly string[], table: BlobTable) {
    this.files = files;
    this.#table = table;
  }

  /** Of the `parts` of another. */
  static of(files: readonly string[], parts: TableParts): FileBlobIndex {
    return new FileBlobIndex(files, BlobTable.of(parts));
  }

  get parts(): TableParts {
    return this.#table.parts;
  }

  get blobCount(): number {
    return this.#table.count;
  }

  /** This index and what the files say, which are decoded one after another as `more` yields them. */
  async with(more: AsyncIterable<ReadIndexFile>): Promise<FileBlobIndex> {
    const growing = new GrowingIndex(this);
    for await (const { name, document } of more) growing.add(name, document.packs);
    return growing.index;
  }

  has(id: BlobId, type: BlobType): boolean {
    return this.#table.has(id, type);
  }

  find(id: BlobId, type: BlobType): BlobLocation | undefined {
    return this.#table.find(id, type);
  }

  locations(id: BlobId, type: BlobType): readonly BlobLocation[] {
    return this.#table.locations(id, type);
  }

  packs(): IterableIterator<PackContents> {
    return this.#table.packs();
  }

  shared(): SharedBlobs {
    return this.#table.shared();
  }

  endOf(pack: string): number {
    return this.#table.endOf(pack);
  }
}

/** An index and what is added to it. */
export class GrowingIndex {
  readonly #files: string[];
  readonly #table: BlobTable;

  constructor(base: FileBlobIndex) {
    this.#files = [...base.files];
    this.#table = BlobTable.copyOf(base.parts);
  }

  get blobCount(): number {
    return this.#table.count;
  }

  add(file: string, packs: readonly PackContents[]): void {
    this.#files.push(file);
    for (const pack of packs) this.#table.add(pack);
  }

  /** All of it, to be used before more is added. */
  get index(): FileBlobIndex {
    return FileBlobIndex.of(this.#files, this.#table.parts);
  }
}

import { BlobTable } from './blob-table.ts';
import type { IndexDocument } from './format/index-file.ts';
import type { BlobId, BlobType } from './format/blob-id.ts';
import type { BlobIndex, BlobLocation, PackContents } from './repository.ts';

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

  get blobCount(): number {
    return this.#table.count;
  }

  /** This index and what the files say, which are decoded one after another as `more` yields them. */
  async with(more: AsyncIterable<ReadIndexFile>): Promise<FileBlobIndex> {
    const files = [...this.files];
    const table = this.#table.copy();
    for await (const { name, document } of more) {
      files.push(name);
      for (const pack of document.packs) table.add(pack);
    }
    return new FileBlobIndex(files, table);
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

  ids(type: BlobType): IterableIterator<Uint8Array> {
    return this.#table.ids(type);
  }

  endOf(pack: string): number {
    return this.#table.endOf(pack);
  }
}

import { readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { atomicWrite } from '../../lib/atomic-write.ts';
import type { Digest } from '../../lib/digest.ts';
import { errorCode } from '../../lib/error-code.ts';
import { SyncError } from '../errors.ts';
import { BlobFolder, type ByteRange, type WriterRequest } from './blob-folder.ts';
import type { BlobWriter } from './blob-writer.ts';
import { asDiskError } from './disk-errors.ts';
import { imageIndexSchema, ociIndexType, type Descriptor, type ImageIndex } from './manifest.ts';

export type LayoutOptions = {
  /** A broken index, which only names things, was set aside as `path`. Without it a layout with such an index is refused. */
  readonly onSetAside?: (path: string) => void;
};

const refName = 'org.opencontainers.image.ref.name';
const emptyIndex: ImageIndex = { schemaVersion: 2, mediaType: ociIndexType, manifests: [] };

/**
 * A local store in the form of an OCI image layout (image spec, image-layout.md): skopeo and umoci read it. Tags live
 * in `index.json`; everything else is addressed by digest and survives the loss of that file. One process at a time.
 */
export class OciLayout {
  readonly #folder: string;
  readonly #blobs: BlobFolder;
  #index: ImageIndex;
  #writing: Promise<unknown> = Promise.resolve();

  private constructor(folder: string, blobs: BlobFolder, index: ImageIndex) {
    this.#folder = folder;
    this.#blobs = blobs;
    this.#index = index;
  }

  /** Made where there is none. Rejects with `corrupt` for an `index.json` that is none of a layout, unless it may be set aside. */
  static async open(folder: string, options: LayoutOptions = {}): Promise<OciLayout> {
    const index = await readIndex(join(folder, 'index.json'), options);
    const blobs = await BlobFolder.open(folder);
    const layout = new OciLayout(folder, blobs, index ?? emptyIndex);
    if (index === undefined) await layout.#initialise();
    return layout;
  }

  /** One that is there, for reading alone; another process may be writing to it. Undefined where no layout is, `corrupt` for a broken index. */
  static async openToRead(folder: string): Promise<OciLayout | undefined> {
    if (!(await isLayout(folder))) return undefined;
    const path = join(folder, 'index.json');
    try {
      return new OciLayout(folder, BlobFolder.at(folder), await parseIndex(path));
    } catch (cause) {
      throw new SyncError('corrupt', `Cannot read what the layout lists in ${path}`, {
        cause,
        hint: 'Build or fetch its images again.',
      });
    }
  }

  /** The file of a blob, for programs that read it themselves. */
  path(digest: Digest): string {
    return this.#blobs.path(digest);
  }

  /** Whether there is such a blob; `isWhole` tells whether it is good. */
  async has(digest: Digest): Promise<boolean> {
    return (await this.size(digest)) !== undefined;
  }

  size(digest: Digest): Promise<number | undefined> {
    return this.#blobs.size(digest);
  }

  isWhole(digest: Digest, options: { readonly signal?: AbortSignal } = {}): Promise<boolean> {
    return this.#blobs.isWhole(digest, options);
  }

  /** The verified bytes. [G8] Rejects with `notFound`, `tooLarge` or `corrupt`. */
  read(digest: Digest, maxBytes: number): Promise<Buffer> {
    return this.#blobs.read(digest, maxBytes);
  }

  /** The bytes as they are on disk, not verified. */
  stream(digest: Digest, range?: ByteRange): Readable {
    return this.#blobs.stream(digest, range);
  }

  /** Without a digest: for bytes whose digest is known at the end only. */
  createBlobWriter(request: WriterRequest): Promise<BlobWriter> {
    return this.#blobs.createWriter(request);
  }

  /** Stores bytes at hand; resolves when they are on disk. */
  async writeBlob(digest: Digest, bytes: Uint8Array): Promise<void> {
    await using writer = await this.createBlobWriter({ digest, size: bytes.byteLength });
    await writer.reset();
    await writer.write(bytes);
    await writer.commit();
  }

  /** Bytes that an interrupted attempt at a blob left, for the next one to go on from. */
  heldBytes(digest: Digest): Promise<number> {
    return this.#blobs.heldBytes(digest);
  }

  digests(): Promise<Set<Digest>> {
    return this.#blobs.digests();
  }

  /** Removes a blob and whatever tags name it. */
  async remove(digest: Digest): Promise<void> {
    await this.#update((manifests) => manifests.filter((entry) => entry.digest !== digest));
    await this.#blobs.remove(digest);
  }

  freeBytes(): Promise<number> {
    return this.#blobs.freeBytes();
  }

  /** Names a manifest, durably; a name used before moves. */
  tag(name: string, descriptor: Descriptor): Promise<void> {
    const entry = { ...descriptor, annotations: { ...descriptor.annotations, [refName]: name } };
    return this.#update((manifests) => [...manifests.filter((other) => nameOf(other) !== name), entry]);
  }

  /** What `index.json` lists: all that has a name, and from other tools what has none. */
  listed(): readonly Descriptor[] {
    return this.#index.manifests;
  }

  resolve(name: string): Descriptor | undefined {
    return this.#index.manifests.find((entry) => nameOf(entry) === name);
  }

  /** Changes of the index follow one another, so that none undoes another. */
  #update(change: (manifests: Descriptor[]) => Descriptor[]): Promise<void> {
    const work = this.#writing.then(async () => {
      const manifests = change(this.#index.manifests);
      const same = manifests.length === this.#index.manifests.length;
      if (same && manifests.every((entry, at) => entry === this.#index.manifests[at])) return;
      const index = { ...this.#index, manifests };
      await this.#write('index.json', index);
      this.#index = index;
    });
    this.#writing = work.catch(() => undefined);
    return work;
  }

  async #initialise(): Promise<void> {
    await this.#write('oci-layout', { imageLayoutVersion: '1.0.0' });
    await this.#write('index.json', this.#index);
  }

  async #write(name: string, value: unknown): Promise<void> {
    const path = join(this.#folder, name);
    try {
      await atomicWrite(path, JSON.stringify(value), { mode: 0o644 });
    } catch (error) {
      throw asDiskError(error, path);
    }
  }
}

async function isLayout(folder: string): Promise<boolean> {
  const marker = await stat(join(folder, 'oci-layout')).catch(() => undefined);
  return marker?.isFile() ?? false;
}

/** Undefined when there is none, or a broken one was set aside. */
async function readIndex(path: string, { onSetAside }: LayoutOptions): Promise<ImageIndex | undefined> {
  try {
    return await parseIndex(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    if (errorCode(error) !== undefined) throw error;
    if (onSetAside === undefined) {
      throw new SyncError('corrupt', `${path} is no index of an OCI image layout`, {
        cause: error,
        hint: 'Name another folder, or take that file away when it is a broken index: blobs are found without it, names are not.',
      });
    }
    const setAside = `${path}.broken`;
    await rename(path, setAside);
    onSetAside(setAside);
    return undefined;
  }
}

async function parseIndex(path: string): Promise<ImageIndex> {
  return imageIndexSchema.parse(JSON.parse(await readFile(path, 'utf8')));
}

function nameOf(descriptor: Descriptor): string | undefined {
  return descriptor.annotations?.[refName];
}

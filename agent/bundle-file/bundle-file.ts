import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { SyncError } from '../../cloud-sync/errors.ts';
import { imageIndexSchema, type Descriptor, type OciLayout } from '../../cloud-sync/oci/index.ts';
import { badBundle } from './bad-bundle.ts';
import { digestOf, isDigest, type Digest } from '../../lib/digest.ts';
import { bundleBounds, indexFileName, layoutFileName, nameOfEntry } from './bundle-format.ts';
import { scanTar, type TarMember } from './scan-tar.ts';

type Place = Pick<TarMember, 'offset' | 'size'>;

export type CopyOptions = {
  readonly signal: AbortSignal;
  readonly onProgress: (bytesDone: number, bytesTotal: number) => void;
};

/** A bundle on disk, whose bytes nobody vouches for: what is read is verified by its digest. */
export class BundleFile implements AsyncDisposable {
  readonly path: string;
  readonly #file: FileHandle;
  readonly #blobs: ReadonlyMap<Digest, Place>;
  readonly #entries: ReadonlyMap<string, Descriptor>;

  private constructor(
    path: string,
    file: FileHandle,
    blobs: ReadonlyMap<Digest, Place>,
    entries: ReadonlyMap<string, Descriptor>,
  ) {
    this.path = path;
    this.#file = file;
    this.#blobs = blobs;
    this.#entries = entries;
  }

  /** Rejects with `badArchive` for anything but an OCI image layout in a tar, and for what has no business in one. */
  static async open(path: string): Promise<BundleFile> {
    await using stack = new AsyncDisposableStack();
    const file = stack.use(await open(path, 'r'));
    const { blobs, others } = await membersOf(file);
    const layout = await readWhole(file, others.get(layoutFileName), bundleBounds.layoutFileBytes);
    const index = await readWhole(file, others.get(indexFileName), bundleBounds.indexBytes);
    if (!layout || !index) throw badBundle('it is not an OCI image layout');
    const bundle = new BundleFile(path, file, blobs, entriesOf(index));
    stack.move();
    return bundle;
  }

  has(digest: Digest): boolean {
    return this.#blobs.has(digest);
  }

  /** The manifest or index of that name. */
  entry(name: string): Descriptor | undefined {
    return this.#entries.get(name);
  }

  /** The verified bytes. [G8] Rejects with `notFound`, `tooLarge` or `digestMismatch`. */
  async read(digest: Digest, maxBytes: number): Promise<Buffer> {
    const place = this.#blobs.get(digest);
    if (!place) throw new SyncError('notFound', `${this.path} has no blob ${digest}`);
    const bytes = await readWhole(this.#file, place, maxBytes);
    if (!bytes) throw new SyncError('tooLarge', `The blob ${digest} has more than ${maxBytes} bytes`);
    if (digestOf(bytes) !== digest) throw this.#damaged(digest);
    return bytes;
  }

  size(digest: Digest): number | undefined {
    return this.#blobs.get(digest)?.size;
  }

  /** Bytes as they are, not verified. Rejects with `notFound`, or `corrupt` for a range that is not within the blob. */
  async readRange(
    digest: Digest,
    { offset, length }: { readonly offset: number; readonly length: number },
  ): Promise<Buffer> {
    const place = this.#blobs.get(digest);
    if (!place) throw new SyncError('notFound', `${this.path} has no blob ${digest}`);
    if (offset + length > place.size)
      throw new SyncError('corrupt', `The blob ${digest} ends before byte ${offset + length}`);
    const part = { offset: place.offset + offset, size: length };
    return (await readWhole(this.#file, part, length)) ?? Buffer.alloc(0);
  }

  /** Rejects with `digestMismatch` unless every blob is what its name says. */
  async verify({ signal, onProgress }: CopyOptions): Promise<void> {
    const total = this.#bytes([...this.#blobs.keys()]);
    let done = 0;
    for (const [digest, place] of this.#blobs) {
      const hash = createHash('sha256');
      for await (const piece of this.#stream(place, signal)) {
        hash.update(piece);
        onProgress((done += piece.byteLength), total);
      }
      if (`sha256:${hash.digest('hex')}` !== digest) throw this.#damaged(digest);
    }
  }

  /** Copies these blobs, verified once more as they are written; what is there and good stays. Rejects with `diskFull` too. */
  async copyTo(
    layout: OciLayout,
    digests: readonly Digest[],
    { signal, onProgress }: CopyOptions,
  ): Promise<void> {
    const total = this.#bytes(digests);
    let done = 0;
    for (const digest of digests) {
      const place = this.#blobs.get(digest);
      if (!place) throw new SyncError('notFound', `${this.path} has no blob ${digest}`);
      if (await layout.isWhole(digest, { signal })) onProgress((done += place.size), total);
      else {
        await using writer = await layout.createBlobWriter({ digest, size: place.size });
        await writer.reset();
        for await (const piece of this.#stream(place, signal)) {
          await writer.write(piece);
          onProgress((done += piece.byteLength), total);
        }
        await writer.commit();
      }
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#file.close();
  }

  #bytes(digests: readonly Digest[]): number {
    return digests.reduce((sum, digest) => sum + (this.#blobs.get(digest)?.size ?? 0), 0);
  }

  async *#stream({ offset, size }: Place, signal: AbortSignal): AsyncGenerator<Buffer> {
    if (size === 0) return;
    const range = { start: offset, end: offset + size - 1, highWaterMark: 2 ** 20, signal };
    for await (const piece of createReadStream(this.path, range)) yield piece as Buffer;
  }

  #damaged(digest: Digest): SyncError {
    return new SyncError('digestMismatch', `${this.path} is damaged: the blob ${digest} has other bytes`, {
      hint: 'Copy the file again, or export it anew. Nothing of it was installed.',
    });
  }
}

async function membersOf(file: FileHandle) {
  const blobs = new Map<Digest, Place>();
  const others = new Map<string, Place>();
  let count = 0;
  for await (const member of scanTar(file, (await file.stat()).size)) {
    count += 1;
    if (count > bundleBounds.entries) throw badBundle(`it has more than ${bundleBounds.entries} entries`);
    const path = member.path.replace(/^\.\//, '').replace(/\/$/, '');
    if (member.type === 'folder' && ['', '.', 'blobs', 'blobs/sha256'].includes(path)) continue;
    const digest = `sha256:${/^blobs\/sha256\/([0-9a-f]{64})$/.exec(path)?.[1] ?? ''}`;
    const isKnown = isDigest(digest) || path === layoutFileName || path === indexFileName;
    if (member.type !== 'file' || !isKnown)
      throw badBundle(`it holds ${JSON.stringify(path.slice(0, 200))}, which no OCI image layout does`);
    const twice = isDigest(digest) ? blobs.has(digest) : others.has(path);
    if (twice) throw badBundle(`it holds ${path} twice`);
    if (isDigest(digest)) blobs.set(digest, member);
    else others.set(path, member);
  }
  return { blobs, others };
}

async function readWhole(
  file: FileHandle,
  place: Place | undefined,
  maxBytes: number,
): Promise<Buffer | undefined> {
  if (!place || place.size > maxBytes) return undefined;
  const bytes = Buffer.alloc(place.size);
  let done = 0;
  while (done < bytes.length) {
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, place.offset + done);
    if (bytesRead === 0) throw badBundle('it ends in the middle of an entry');
    done += bytesRead;
  }
  return bytes;
}

/** By name. Those without one are of no use here, and no harm. */
function entriesOf(index: Buffer): Map<string, Descriptor> {
  let value: unknown;
  try {
    value = JSON.parse(index.toString());
  } catch {
    throw badBundle(`its ${indexFileName} is no JSON`);
  }
  const parsed = imageIndexSchema.safeParse(value);
  if (!parsed.success) throw badBundle(`its ${indexFileName} is not an OCI image index`);
  return new Map(
    parsed.data.manifests.flatMap((entry) => {
      const name = nameOfEntry(entry);
      return name === undefined ? [] : [[name, entry] as const];
    }),
  );
}

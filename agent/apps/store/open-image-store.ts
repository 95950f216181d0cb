import { mkdir, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { forEachConcurrently } from '../../../cloud-sync/oci/for-each-concurrently.ts';
import type { ImageConfig } from '../../../cloud-sync/oci/image/image-config.ts';
import { hostPlatform, type Platform } from '../../../cloud-sync/oci/image/platform.ts';
import { readLocalImage, type LocalImage } from '../../../cloud-sync/oci/image/read-local-image.ts';
import type { ImageManifest } from '../../../cloud-sync/oci/manifest.ts';
import type { OciLayout, RegistryClient } from '../../../cloud-sync/oci/index.ts';
import { isCodedError } from '../../../lib/coded-error.ts';
import type { Digest } from '../../../lib/digest.ts';
import type { Logger } from '../../../lib/logger.ts';
import type { AppSpec } from '../../../manifests/app.ts';
import { AgentError } from '../../errors.ts';
import { pinnedReference, type PinnedReference } from '../../pinned-reference.ts';
import type { AppImages, ImageStore, StoredImage } from '../ports.ts';
import { chainIds } from './chain-id.ts';
import { fetchImage } from './fetch-image.ts';
import type { StoreLayer, StoreOrder } from './job-protocol.ts';
import { createStoreJob, type StoreJob } from './make-job.ts';
import { isTreeName, makingPrefix, replacedPrefix, rootfsOf, treeName } from './store-folders.ts';
import { readTreeRecord } from './tree-record.ts';

export type ImageStoreOptions = {
  /** The agent's root: trees are made in `images` below it. */
  readonly root: string;
  readonly layout: OciLayout;
  /** Mirrors of the registry that a reference names, then itself; undefined is the control plane's own. */
  readonly registry: (host: string | undefined) => readonly RegistryClient[];
  /** Trees (`StoredImage.rootfs`) that something still runs in: they are not removed. */
  readonly inUse: () => Promise<ReadonlySet<string>>;
  readonly logger: Logger;
  readonly platform?: Platform;
  /** What writes to the trees; by default a process of its own for each piece of work. */
  readonly job?: StoreJob;
};

/** Images that are fetched at a time; each fetches some of its layers at a time. */
const concurrency = 2;

type Apps = Readonly<Record<string, AppSpec>>;
type Named = PinnedReference & { readonly name: string };
type Unpackable = { readonly image: Named; readonly manifest: ImageManifest; readonly config: ImageConfig };

/** Resolves when what a killed agent left half-made is gone. One owner of the folder at a time. */
export async function openImageStore(options: ImageStoreOptions): Promise<ImageStore> {
  const { root, logger, job = createStoreJob({ logger }) } = options;
  const folder = resolve(root, 'images');
  await mkdir(folder, { mode: 0o755, recursive: true });
  const store = new Store(folder, options, job);
  await store.sweep();
  return store;
}

class Store implements ImageStore {
  readonly #folder: string;
  readonly #options: ImageStoreOptions;
  readonly #platform: Platform;
  readonly #job: StoreJob;
  /** One at a time writes to the folder. */
  #writing: Promise<unknown> = Promise.resolve();

  constructor(folder: string, options: ImageStoreOptions, job: StoreJob) {
    this.#folder = folder;
    this.#options = options;
    this.#platform = options.platform ?? hostPlatform();
    this.#job = job;
  }

  async sweep(): Promise<void> {
    await this.#remove((await readdir(this.#folder)).filter((name) => name.startsWith(makingPrefix)));
  }

  async fetch(apps: Apps, signal: AbortSignal): Promise<AppImages> {
    const found = new Map<Digest, StoredImage>();
    const images = [...distinct(apps).values()];
    await forEachConcurrently(images, { limit: concurrency, signal }, async (image, stop) => {
      const { registry, layout, logger } = this.#options;
      const clients = registry(image.registry);
      const pulled = await fetchImage({
        ...image,
        clients,
        layout,
        logger,
        platform: this.#platform,
        signal: stop,
      });
      for (const stored of await this.#unpack([{ image, ...pulled }], stop)) found.set(stored.digest, stored);
    });
    return imagesOf(apps, found);
  }

  async load(apps: Apps): Promise<AppImages> {
    const images: Unpackable[] = [];
    for (const image of distinct(apps).values()) images.push({ image, ...(await this.#read(image)) });
    const stored = await this.#unpack(images, new AbortController().signal);
    return imagesOf(apps, new Map(stored.map((image) => [image.digest, image])));
  }

  async blobs(digests: readonly Digest[]): Promise<ReadonlySet<Digest>> {
    const images = await this.#readAll(digests);
    return new Set([...digests, ...images.flatMap((image) => image.blobs)]);
  }

  async collect(kept: readonly Digest[]): Promise<void> {
    const wanted = new Set(
      (await this.#readAll(kept)).flatMap((image) => chainIds(image.config.rootfs.diff_ids)).map(treeName),
    );
    const running = await this.#options.inUse();
    const runsIn = (name: string): boolean => running.has(rootfsOf(join(this.#folder, name)));
    const needless = (name: string): boolean => {
      if (name.startsWith(replacedPrefix))
        return !runsIn(name.slice(replacedPrefix.length, replacedPrefix.length + 64));
      return isTreeName(name) && !wanted.has(name) && !runsIn(name);
    };
    const names = (await readdir(this.#folder)).filter((name) => needless(name));
    await this.#remove(names);
    if (names.length > 0) this.#options.logger.info('image.trees.removed', { count: names.length });
  }

  async bytesOf(digests: readonly Digest[]): Promise<number> {
    const images = await this.#readAll(digests);
    const trees = new Set(images.flatMap((image) => chainIds(image.config.rootfs.diff_ids)));
    const blobs = new Set(images.flatMap((image) => image.blobs));
    let bytes = 0;
    for (const id of trees)
      bytes += (await readTreeRecord(join(this.#folder, treeName(id))))?.layerBytes ?? 0;
    for (const blob of blobs) bytes += (await this.#options.layout.size(blob)) ?? 0;
    return bytes;
  }

  /** Of images whose blobs are here. */
  async #unpack(images: readonly Unpackable[], signal: AbortSignal): Promise<StoredImage[]> {
    if (images.length === 0) return [];
    const chains = images.map((one) => ({ name: one.image.name, layers: this.#layers(one) }));
    await this.#write(() => this.#job({ kind: 'make', folder: this.#folder, images: chains }, signal));
    const stored: StoredImage[] = [];
    for (const [at, { image, config }] of images.entries()) {
      const top = join(this.#folder, treeName(chains[at]?.layers.at(-1)?.chainId ?? image.digest));
      const givesRights = (await readTreeRecord(top))?.givesRights ?? false;
      stored.push({ digest: image.digest, config, rootfs: rootfsOf(top), givesRights });
    }
    return stored;
  }

  #layers({ image, manifest, config }: Unpackable): StoreLayer[] {
    const { diff_ids: diffIds } = config.rootfs;
    const ids = chainIds(diffIds);
    const layers = manifest.layers.flatMap(({ digest, mediaType }, at) => {
      const [chainId, diffId] = [ids[at], diffIds[at]];
      if (chainId === undefined || diffId === undefined) return [];
      return [{ chainId, diffId, mediaType, digest, blob: this.#options.layout.path(digest) }];
    });
    if (layers.length === 0)
      throw new AgentError('badImage', `${image.name} has no layers: there is nothing in it`);
    return layers;
  }

  #read(image: Named): Promise<LocalImage> {
    return readLocalImage(this.#options.layout, { ...image, platform: this.#platform });
  }

  /** Those that are here and can be used: of what never came, was lost or is of no use here there is nothing more to keep. */
  async #readAll(digests: readonly Digest[]): Promise<LocalImage[]> {
    const images: LocalImage[] = [];
    for (const digest of new Set(digests)) {
      try {
        images.push(await this.#read({ name: digest, registry: undefined, repository: 'image', digest }));
      } catch (error) {
        if (!isCodedError(error)) throw error;
      }
    }
    return images;
  }

  #remove(names: readonly string[]): Promise<void> {
    if (names.length === 0) return Promise.resolve();
    const order: StoreOrder = { kind: 'remove', folder: this.#folder, names: [...names] };
    return this.#write(() => this.#job(order, new AbortController().signal));
  }

  #write<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#writing.then(work);
    this.#writing = done.catch(() => undefined);
    return done;
  }
}

/** Each image once, however many apps are of it. */
function distinct(apps: Apps): ReadonlyMap<Digest, Named> {
  const images = Object.entries(apps).map(([app, { image }]): [Digest, Named] => {
    const pinned = pinnedReference(`apps.${app}.image`, image);
    return [pinned.digest, { ...pinned, name: `${pinned.repository}@${pinned.digest}` }];
  });
  return new Map(images);
}

function imagesOf(apps: Apps, found: ReadonlyMap<Digest, StoredImage>): AppImages {
  const images = new Map<string, StoredImage>();
  for (const [app, { image }] of Object.entries(apps)) {
    const stored = found.get(pinnedReference(`apps.${app}.image`, image).digest);
    if (stored) images.set(app, stored);
  }
  return images;
}

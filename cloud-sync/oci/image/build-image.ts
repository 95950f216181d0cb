import { join } from 'node:path';
import { digestOf, type Digest } from '../../../lib/digest.ts';
import { openPosix } from '../../../lib/posix.ts';
import { compileExcludes, type Exclusion } from '../../vault/snapshot/exclude-patterns.ts';
import { requireFolder, treeEntries, type TreeEntry } from '../layer/tree-entries.ts';
import { writeGzipLayer, writeSeekableLayer, type WrittenLayer } from '../layer/write-layer.ts';
import { writeTar } from '../layer/write-tar.ts';
import type { Descriptor } from '../manifest.ts';
import type { OciLayout } from '../oci-layout.ts';
import { imageDocuments, type ImageSettings } from './image-documents.ts';
import { planLayers } from './layer-plan.ts';
import type { Platform } from './platform.ts';

export type BuildRequest = {
  /** The root file system. */
  readonly folder: string;
  readonly layout: OciLayout;
  readonly platform: Platform;
  readonly settings: ImageSettings;
  /** Folders of it that are layers of their own, below the one with the rest; the lowest first. */
  readonly layers?: readonly string[];
  /** Left out, as in .gitignore. */
  readonly excludes?: readonly string[];
  /** `zstd`, the default, with chunk tables for small updates; `gzip` for tools that know nothing else. */
  readonly compression?: 'zstd' | 'gzip';
  /** What every date in the image is, seconds since 1970; default 0. */
  readonly sourceDateSeconds?: number;
  readonly signal: AbortSignal;
  /** Bytes of content. */
  readonly onProgress?: (bytesDone: number, bytesTotal: number) => void;
};

export type BuiltImage = {
  /** Of the manifest. */
  readonly descriptor: Descriptor;
  readonly config: Digest;
  readonly layers: readonly WrittenLayer[];
  /** Sockets, fifos and devices, which no image holds. */
  readonly skipped: readonly string[];
  /** Attributes whose names are no UTF-8, which no image holds either; `name` is for people. */
  readonly lostAttributes: readonly LostAttribute[];
};

type LostAttribute = { readonly path: string; readonly name: string };

/**
 * Makes an image of a folder, in the layout. The same tree and settings make the same digest, whoever builds it, where and when; with
 * another zstd inside node the layer's digest differs, its diff id does not. Resolves when all is on disk. Reads the tree synchronously.
 * Errors: `notFound`, `badImage` (what cannot be read or cannot be in an image), `conflict` (the tree changed meanwhile), `diskFull`.
 */
export async function buildImage(request: BuildRequest): Promise<BuiltImage> {
  const { folder, layout, platform, settings, layers = [], excludes = [] } = request;
  for (const path of ['', ...layers]) requireFolder(join(folder, path));
  const { sourceDateSeconds = 0 } = request;
  const skipped = new Set<string>();
  const lost = new Map<string, LostAttribute>();
  const posix = openPosix();
  const walk = (exclude: Exclusion) =>
    treeEntries(folder, {
      mtimeSeconds: sourceDateSeconds,
      exclude,
      posix,
      onSkipped: (path) => skipped.add(path),
      // The tree is walked twice.
      onLostAttribute: (path, name) => lost.set(JSON.stringify([path, name]), { path, name }),
    });
  const plan = planLayers(layers, compileExcludes(excludes) ?? (() => false));
  const written = await writeLayers(
    plan.map((exclude) => () => walk(exclude)),
    request,
  );

  const documents = imageDocuments({
    settings,
    platform,
    createdSeconds: sourceDateSeconds,
    layers: written,
  });
  const { config, manifest, descriptor } = documents;
  await layout.writeBlob(digestOf(config), config);
  await layout.writeBlob(descriptor.digest, manifest);
  return {
    ...{ descriptor, config: digestOf(config), layers: written },
    ...{ skipped: [...skipped], lostAttributes: [...lost.values()] },
  };
}

/** The tree is walked twice, first for what there is to do. */
async function writeLayers(
  walks: readonly (() => Iterable<TreeEntry>)[],
  { layout, compression = 'zstd', signal, onProgress }: BuildRequest,
): Promise<WrittenLayer[]> {
  let total = 0;
  for (const walk of walks) for (const { size } of walk()) total += size;
  let done = 0;
  const onBytes = (count: number) => onProgress?.(Math.min(total, (done += count)), total);
  const write = compression === 'zstd' ? writeSeekableLayer : writeGzipLayer;
  const written: WrittenLayer[] = [];
  for (const walk of walks) written.push(await write(writeTar(walk()), { layout, signal, onBytes }));
  return written;
}

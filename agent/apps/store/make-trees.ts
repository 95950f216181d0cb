import { createHash } from 'node:crypto';
import { createReadStream, statfsSync } from 'node:fs';
import { chmod, mkdir, statfs, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { isSyncErrorCode, SyncError } from '../../../cloud-sync/errors.ts';
import { diskFull } from '../../../cloud-sync/oci/disk-errors.ts';
import { applyLayer } from '../../../cloud-sync/oci/layer/apply-layer.ts';
import { layerLimits } from '../../../cloud-sync/oci/layer/apply-request.ts';
import { removeTree } from '../../../cloud-sync/oci/layer/remove-tree.ts';
import { openTreeAccess, type TreeAccess } from '../../../cloud-sync/oci/layer/tree-access.ts';
import { isCodedError, type CodedError } from '../../../lib/coded-error.ts';
import { errorCode } from '../../../lib/error-code.ts';
import type { Logger } from '../../../lib/logger.ts';
import { copyTree } from './copy-tree.ts';
import { installTree, openTreeSync } from './install-tree.ts';
import type { StoreLayer } from './job-protocol.ts';
import { plainBytes } from './plain-bytes.ts';
import { makingName, rootfsOf, treeName } from './store-folders.ts';
import { checkTree, writeTreeRecord, type TreeRecord } from './tree-record.ts';

/** Space that unpacking must leave free. */
const reserveBytes = 32 * 2 ** 20;
/** Of tar between two looks at the space there is: what a layer says of its size beforehand may be a lie. */
const lookBytes = 8 * 2 ** 20;
const progressMs = 5000;

export type MakeContext = {
  /** `images/` */
  readonly folder: string;
  readonly logger: Logger;
  readonly signal: AbortSignal;
};

type Base = { readonly folder: string; readonly record: TreeRecord };

/**
 * Sees to it that the tree of an image is there and as it was made: what lacks or was changed is made anew of the highest tree below it
 * that is good, and of the blobs. All of it or nothing gets its name. Rejects with `corrupt` when a blob is damaged or lost, with `badArchive`
 * or `digestMismatch` when the image was made so, with `diskFull`.
 */
export async function makeTree(
  image: { readonly name: string; readonly layers: readonly StoreLayer[] },
  context: MakeContext,
): Promise<void> {
  const { base, missing } = await findBase(image, context);
  if (missing.length === 0) return;
  await requireSpace(image.name, missing, context.folder);
  const access = openTreeAccess();
  using trees = openTreeSync(context.folder, access.posix);
  const made: string[] = [];
  try {
    let below = base;
    for (const layer of missing) {
      const folder = join(context.folder, makingName());
      made.push(folder);
      below = await makeLayer(layer, { ...context, below, access, into: folder, image: image.name });
    }
    trees.sync();
    for (const [at, layer] of missing.entries())
      await installTree(made[at] ?? '', join(context.folder, treeName(layer.chainId)));
  } finally {
    for (const folder of made) removeTree(folder);
  }
}

/** The highest tree of the image that is good, and the layers above it. */
async function findBase(
  { name, layers }: { readonly name: string; readonly layers: readonly StoreLayer[] },
  { folder, logger }: MakeContext,
): Promise<{ readonly base: Base | undefined; readonly missing: readonly StoreLayer[] }> {
  for (const [at, { chainId }] of [...layers.entries()].reverse()) {
    const path = join(folder, treeName(chainId));
    const state = await checkTree(path);
    if (state.kind === 'good')
      return { base: { folder: path, record: state.record }, missing: layers.slice(at + 1) };
    if (state.kind === 'damaged') logger.warn('image.repairing', { image: name, chainId, reason: state.why });
  }
  return { base: undefined, missing: layers };
}

type LayerContext = MakeContext & {
  readonly image: string;
  readonly below: Base | undefined;
  readonly access: TreeAccess;
  readonly into: string;
};

async function makeLayer(layer: StoreLayer, context: LayerContext): Promise<Base> {
  const { below, access, into, logger, image, signal } = context;
  const rootfs = rootfsOf(into);
  await mkdir(into, { mode: 0o755 });
  if (below) copyTree(rootfsOf(below.folder), rootfs, access);
  else await makeRoot(rootfs);
  const startMs = performance.now();
  let told = startMs;
  let bytes = 0;
  let lookAt = lookBytes;
  const onProgress = (done: number): void => {
    bytes = done;
    if (bytes >= lookAt) {
      requireReserve(into);
      lookAt = bytes + lookBytes;
    }
    if (performance.now() - told < progressMs) return;
    told = performance.now();
    logger.info('image.unpacking', { image, layer: layer.digest, bytes });
  };
  try {
    const { blob, mediaType, diffId } = layer;
    const applied = await applyLayer({
      blob,
      mediaType,
      diffId,
      rootfs,
      limits: layerLimits,
      signal,
      onProgress,
    });
    const hasCapabilities = applied.hasCapabilities || (below?.record.hasCapabilities ?? false);
    const record = await writeTreeRecord(into, { layerBytes: applied.bytes, hasCapabilities });
    const { entries } = applied;
    const tookMs = Math.round(performance.now() - startMs);
    logger.info('image.unpacked', { image, layer: layer.digest, entries, bytes: applied.bytes, tookMs });
    return { folder: into, record };
  } catch (error) {
    throw await explain(error, layer, { ...context, bytes });
  }
}

/** Like every folder that no entry describes. */
async function makeRoot(rootfs: string): Promise<void> {
  await mkdir(rootfs);
  await chmod(rootfs, 0o755);
  await utimes(rootfs, 0, 0);
}

/** What went wrong with a layer, as it is for those who can do something about it. */
async function explain(
  error: unknown,
  { digest, blob }: StoreLayer,
  { image, folder, bytes, signal }: LayerContext & { readonly bytes: number },
): Promise<unknown> {
  signal.throwIfAborted();
  if (isCodedError(error) && error.code === 'diskFull') {
    const free = await freeBytes(folder);
    return diskFull(
      `Too little space to unpack ${image}: ${bytes} bytes of its layer ${digest} were read, ${free} are free`,
      error,
    );
  }
  const isLost = errorCode(error) === 'ENOENT' || errorCode(error) === 'EIO';
  const isContent = isCodedError(error) && ['badArchive', 'digestMismatch'].includes(error.code);
  if (isLost || (isContent && !(await isWhole(blob, digest)))) {
    return new SyncError('corrupt', `The blob ${digest} of ${image} is damaged or gone`, {
      cause: error,
      hint: 'It is fetched again at the next apply; check the disk if this repeats.',
    });
  }
  return isContent && isCodedError(error) ? named(error, image) : error;
}

function named({ code, message, hint }: CodedError, image: string): SyncError {
  const known = isSyncErrorCode(code) ? code : 'internal';
  return new SyncError(known, `${image} cannot be unpacked: ${message}`, {
    ...(hint !== undefined && { hint }),
  });
}

async function isWhole(blob: string, digest: string): Promise<boolean> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(blob)) hash.update(chunk as Buffer);
  } catch {
    return false;
  }
  return `sha256:${hash.digest('hex')}` === digest;
}

async function requireSpace(name: string, layers: readonly StoreLayer[], folder: string): Promise<void> {
  let wanted = reserveBytes;
  // One that cannot be read is told of when it is unpacked.
  for (const layer of layers) wanted += await plainBytes(layer).catch(() => 0);
  const free = await freeBytes(folder);
  if (wanted > free)
    throw diskFull(`${name} needs about ${wanted} bytes on disk to be unpacked, of which ${free} are free`);
}

/** In the middle of a layer: whoever else writes to this disk goes on. */
function requireReserve(folder: string): void {
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize < reserveBytes) throw diskFull(`Less than ${reserveBytes} bytes are left on disk`);
}

async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

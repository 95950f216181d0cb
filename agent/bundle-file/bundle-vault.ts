import { SyncError } from '../../cloud-sync/errors.ts';
import { manifestMaxBytes, parseImageManifest } from '../../cloud-sync/oci/index.ts';
import type { FileType, StoredFile, VaultBackend } from '../../cloud-sync/vault/backend/backend.ts';
import type { Digest } from '../../lib/digest.ts';
import { badBundle } from './bad-bundle.ts';
import type { BundleFile } from './bundle-file.ts';
import { bundleBounds, vaultEntryPrefix, vaultTypeOf } from './bundle-format.ts';

/** Digests by name, of each type of file. */
type Files = ReadonlyMap<string, ReadonlyMap<string, Digest>>;

/** The repository in a bundle, to be read where it lies; undefined when it has none. Rejects with `badArchive` when it is not whole. */
export async function openBundleVault(bundle: BundleFile): Promise<VaultBackend | undefined> {
  const files = new Map<string, Map<string, Digest>>();
  for (let number = 1; number <= bundleBounds.entries; number++) {
    const entry = bundle.entry(`${vaultEntryPrefix}${number}`);
    if (!entry) break;
    const { layers } = parseImageManifest(await bundle.read(entry.digest, manifestMaxBytes), 'vault');
    for (const { mediaType, digest } of layers) {
      const type = vaultTypeOf(mediaType);
      if (type === undefined) continue;
      if (!bundle.has(digest)) throw badBundle(`it lacks the file ${digest} of its vault`);
      const name = type === 'config' ? '' : digest.slice('sha256:'.length);
      files.set(type, (files.get(type) ?? new Map<string, Digest>()).set(name, digest));
    }
  }
  return files.size === 0 ? undefined : backendOver(bundle, files);
}

/** Nothing is ever written to it. The bundle is the caller's to close. */
function backendOver(bundle: BundleFile, files: Files): VaultBackend {
  const refuse = (): Promise<never> =>
    Promise.reject(new SyncError('forbidden', `${bundle.path} is never written to`));
  const digestOf = (type: FileType, name: string): Digest => {
    const digest = files.get(type)?.get(name);
    if (digest) return digest;
    throw new SyncError('notFound', `${bundle.path} has no file ${name} of its vault's ${type}`);
  };
  const stored = ([name, digest]: readonly [string, Digest]): StoredFile => ({
    ...{ name, bytes: bundle.size(digest) ?? 0, receivedMs: null },
  });
  return {
    location: bundle.path,
    list: (type) => Promise.resolve([...(files.get(type) ?? [])].map(stored)),
    read: async (type, name, { range, maxBytes = Number.MAX_SAFE_INTEGER }) =>
      range === undefined
        ? bundle.read(digestOf(type, name), maxBytes)
        : bundle.readRange(digestOf(type, name), range),
    create: refuse,
    write: refuse,
    remove: refuse,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

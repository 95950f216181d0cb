import { readdir, readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { atomicWrite } from '../../lib/atomic-write.ts';
import type { Digest } from '../../lib/digest.ts';
import { makeFolder } from '../../lib/make-folder.ts';
import { ManifestError, readCanonicalManifest, type Machine } from '../../manifests/index.ts';
import { AgentError } from '../errors.ts';
import type { ManifestSource } from './ports.ts';

export type ManifestSourceOptions = {
  readonly folder: string;
  readonly device: string;
  /** The canonical bytes of a manifest, at most `size` of them. */
  readonly download: (digest: Digest, size: number, signal: AbortSignal) => Promise<Uint8Array>;
};

/** Manifests as files named by their digest, filled from the control plane. */
export async function openManifestSource({
  folder,
  device,
  download,
}: ManifestSourceOptions): Promise<ManifestSource> {
  await makeFolder(folder, { mode: 0o700 });
  const path = (digest: string): string => join(folder, `${digest.replace(':', '-')}.json`);

  const verified = (bytes: Uint8Array, digest: string): Machine => {
    const { machine } = readCanonicalManifest(bytes, digest as Digest);
    // Another device's manifest, signed and whole, is still not ours.
    if (machine.metadata.name !== device) {
      throw new ManifestError(
        'wrongDevice',
        `The manifest ${digest} is for the device ${machine.metadata.name}, and this is ${device}`,
      );
    }
    return machine;
  };
  const local = async (digest: string): Promise<Machine | undefined> => {
    try {
      return verified(await readFile(path(digest)), digest);
    } catch {
      // Missing or damaged: the caller fetches it or says so.
      return undefined;
    }
  };

  return {
    async fetch({ digest }, size, signal) {
      const present = await local(digest);
      if (present) return present;
      const bytes = await download(digest as Digest, size, signal);
      const machine = verified(bytes, digest);
      await atomicWrite(path(digest), bytes);
      return machine;
    },
    async load({ generation, digest }) {
      const present = await local(digest);
      if (!present)
        throw new AgentError(
          'corrupt',
          `The manifest of generation ${generation} (${digest}) is missing or damaged on disk`,
        );
      return present;
    },
    async collect(kept) {
      const names = new Set(kept.map((digest) => basename(path(digest))));
      for (const name of await readdir(folder)) {
        if (!names.has(name)) await rm(join(folder, name), { force: true });
      }
    },
  };
}

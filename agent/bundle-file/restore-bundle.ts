import { join } from 'node:path';
import { hostPlatform } from '../../cloud-sync/oci/image/platform.ts';
import type { Digest } from '../../lib/digest.ts';
import type { Logger } from '../../lib/logger.ts';
import { AgentError } from '../errors.ts';
import {
  loadIdentity,
  loadLocalIdentity,
  saveLocalIdentity,
  type Identity,
} from '../identity/identity-store.ts';
import { forgetRestoring, type RestoredData } from '../vault/restore-volumes.ts';
import { openManifestSource } from '../reconcile/manifest-source.ts';
import type { StateHolder } from '../reconcile/state-schema.ts';
import { openState, takeRoot } from '../root-folder.ts';
import { openSources } from '../sources.ts';
import { BundleFile } from './bundle-file.ts';
import { openBundleData, restoreBundleData, type BundleDataOptions } from './restore-bundle-data.ts';
import { readMachine, type BundledMachine } from './read-machine.ts';

export type RestoreBundleOptions = {
  readonly root: string;
  readonly path: string;
  /** 'none' leaves the volumes empty. */
  readonly data: 'none' | BundleDataOptions;
  readonly onProgress: (step: 'verify' | 'copy' | 'unpack', bytesDone: number, bytesTotal: number) => void;
  readonly logger: Logger;
  readonly signal: AbortSignal;
};

export type RestoredBundle = {
  readonly device: string;
  readonly enrolled: boolean;
  readonly generation: number;
  readonly digest: Digest;
  readonly functions: Readonly<Record<string, Digest>>;
  readonly apps: Readonly<Record<string, Digest>>;
  /** Null without volumes, when the bundle has no data, or none was wanted: the volumes begin empty. */
  readonly data: RestoredData | null;
  readonly volumes: readonly string[];
};

/** No cloud gave it a number. */
const generation = 1;

/**
 * Brings a machine into an empty `root` from one file, without any network: every blob is verified before the first is installed.
 * Nothing runs yet; the next start of the agent does. Cut short, it goes on where it was when called again. [G9] Rejects with
 * `badArchive`, `digestMismatch`, `wrongPlatform`, AgentError 'rootNotEmpty'.
 */
export async function restoreBundle(options: RestoreBundleOptions): Promise<RestoredBundle> {
  const { root, path, data, onProgress, logger, signal } = options;
  requireBlank(await openState(root, logger), root);
  await using bundle = await BundleFile.open(path);
  const bundled = await readMachine(bundle, hostPlatform());
  await bundle.verify({ signal, onProgress: (done, total) => onProgress('verify', done, total) });
  const { machine } = bundled;
  const opened = data === 'none' ? undefined : await openBundleData(bundle, machine, data, signal);
  await using _vault = opened?.repository;

  using _lock = await takeRoot(root);
  const store = await openState(root, logger);
  requireBlank(store, root);
  const identity = await identityIn(root, machine.metadata.name);
  await using sources = await openSources(root, identity, logger);
  await bundle.copyTo(sources.layout, bundled.blobs, {
    signal,
    onProgress: (done, total) => onProgress('copy', done, total),
  });
  await placeManifest(root, bundled, signal);
  onProgress('unpack', 0, 0);
  const { bundles, images } = await sources.artifacts.load(machine);
  const restored =
    opened === undefined || data === 'none'
      ? null
      : await restoreBundleData({ ...data.choose(machine), root, identity, machine, opened, logger, signal });

  const pointer = { generation, digest: bundled.digest };
  // The agent goes on from here as after a crash in the middle of an activation: it runs, verifies and commits.
  await store.update(() => ({
    ...{ observed: { ...pointer, size: bundled.bytes.byteLength }, current: pointer },
    phase: 'applying',
  }));
  await forgetRestoring(root);
  return {
    ...{ device: identity.device, enrolled: 'certificate' in identity, ...pointer },
    functions: digestsOf(bundles),
    apps: digestsOf(images),
    volumes: Object.keys(machine.volumes),
    data: restored,
  };
}

function requireBlank({ state }: StateHolder, root: string): void {
  if (!state.observed && !state.current) return;
  throw new AgentError('rootNotEmpty', `${root} already holds a machine`, {
    hint: 'Start it with holdfast agent up, or restore into an empty folder with --root.',
  });
}

/** The one that is there, or the machine's own name. */
async function identityIn(root: string, device: string): Promise<Identity> {
  const present = (await loadIdentity(root)) ?? (await loadLocalIdentity(root));
  if (present && present.device !== device)
    throw new AgentError('rootNotEmpty', `${root} holds the identity of ${present.device}, not of ${device}`);
  if (present) return present;
  await saveLocalIdentity(root, { device });
  return { device };
}

async function placeManifest(
  root: string,
  { machine, digest, bytes }: BundledMachine,
  signal: AbortSignal,
): Promise<void> {
  const manifests = await openManifestSource({
    folder: join(root, 'manifests'),
    device: machine.metadata.name,
    download: () => Promise.resolve(bytes),
  });
  await manifests.fetch({ generation, digest }, bytes.byteLength, signal);
}

function digestsOf(named: ReadonlyMap<string, { readonly digest: Digest }>): Record<string, Digest> {
  return Object.fromEntries([...named].map(([name, { digest }]) => [name, digest]));
}

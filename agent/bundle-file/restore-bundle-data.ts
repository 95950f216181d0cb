import type { VaultBackend } from '../../cloud-sync/vault/backend/backend.ts';
import { openVault, type OpenedVault, type VaultSecret } from '../../cloud-sync/vault/keys/open-vault.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Machine } from '../../manifests/machine.ts';
import { AgentError } from '../errors.ts';
import { restoreVolumes, type RestoredData } from '../vault/restore-volumes.ts';
import type { Identity } from '../identity/identity-store.ts';
import { takeVault, type DataChoice } from '../restore-data.ts';
import type { BundleFile } from './bundle-file.ts';
import { openBundleVault } from './bundle-vault.ts';

/** Asked for only where a bundle has data. */
export type BundleDataOptions = {
  readonly secret: (machine: Machine) => Promise<VaultSecret | undefined>;
  readonly choose: (machine: Machine) => DataChoice;
};

export type BundleData = OpenedVault & { readonly secret: VaultSecret };

/**
 * The data in a bundle, opened; undefined when it has none, or its machine no volumes. Rejects with AgentError 'notEnrolled' when there is
 * no secret to open it with, or as `openVault`.
 */
export async function openBundleData(
  bundle: BundleFile,
  machine: Machine,
  { secret: ask }: BundleDataOptions,
  signal: AbortSignal,
): Promise<BundleData | undefined> {
  const { volumes, vault, metadata } = machine;
  const backend: VaultBackend | undefined = await openBundleVault(bundle);
  if (!backend || Object.keys(volumes).length === 0) return undefined;
  const secret = await ask(machine);
  if (secret) return { secret, ...(await openVault(backend, { secret, ownerKey: vault?.owner, signal })) };
  throw new AgentError(
    'notEnrolled',
    `The data of ${metadata.name} in ${bundle.path} needs the owner's passphrase or a recovery code`,
    { hint: 'Pass --passphrase-file or --recovery-code-file, or restore without the data: --no-data.' },
  );
}

export type BundleVolumes = DataChoice & {
  readonly root: string;
  readonly machine: Machine;
  readonly opened: BundleData;
  readonly identity: Identity;
  readonly logger: Logger;
  readonly signal: AbortSignal;
};

/**
 * Gives the volumes back what the newest snapshots hold, or those that were chosen, and takes a key slot in the repository of the manifest
 * where that is a folder that is here: else the device could take no snapshot. Rejects as `restoreVolumes`.
 */
export async function restoreBundleData(request: BundleVolumes): Promise<RestoredData> {
  const { machine, opened } = request;
  const data = await restoreVolumes({
    ...request,
    device: machine.metadata.name,
    repository: opened.repository,
    volumes: Object.keys(machine.volumes),
  });
  if (machine.vault?.repository?.startsWith('/')) await takeFolder(request);
  return data;
}

/** A repository that is away or damaged keeps nobody from the data at hand. */
async function takeFolder({ root, identity, machine, opened, logger, signal }: BundleVolumes): Promise<void> {
  const { kind, text } = opened.secret;
  try {
    await takeVault({
      ...{ root, identity, machine, ownerKey: machine.vault?.owner, logger, signal },
      passphrase: kind === 'passphrase' ? text : undefined,
      recoveryCode: kind === 'recoveryCode' ? text : undefined,
      login: undefined,
    });
  } catch (error) {
    signal.throwIfAborted();
    logger.warn('vault.notTaken', { error });
  }
}

import type { VaultBackend } from '../../cloud-sync/vault/backend/backend.ts';
import { openVault, type OpenedVault, type VaultSecret } from '../../cloud-sync/vault/keys/open-vault.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Machine } from '../../manifests/machine.ts';
import { AgentError } from '../errors.ts';
import { restoreVolumes, type RestoredData } from '../vault/restore-volumes.ts';
import type { DataChoice } from '../restore-data.ts';
import type { BundleFile } from './bundle-file.ts';
import { openBundleVault } from './bundle-vault.ts';

/** Asked for only where a bundle has data. */
export type BundleDataOptions = {
  readonly secret: (machine: Machine) => Promise<VaultSecret | undefined>;
  readonly choose: (machine: Machine) => DataChoice;
};

/**
 * The data in a bundle, opened; undefined when it has none, or its machine no volumes. Rejects with AgentError 'notEnrolled' when there is
 * no secret to open it with, or as `openVault`.
 */
export async function openBundleData(
  bundle: BundleFile,
  machine: Machine,
  { secret: ask }: BundleDataOptions,
  signal: AbortSignal,
): Promise<OpenedVault | undefined> {
  const { volumes, vault, metadata } = machine;
  const backend: VaultBackend | undefined = await openBundleVault(bundle);
  if (!backend || Object.keys(volumes).length === 0) return undefined;
  const secret = await ask(machine);
  if (secret) return openVault(backend, { secret, ownerKey: vault?.owner, signal });
  throw new AgentError(
    'notEnrolled',
    `The data of ${metadata.name} in ${bundle.path} needs the owner's passphrase or a recovery code`,
    { hint: 'Pass --passphrase-file or --recovery-code-file, or restore without the data: --no-data.' },
  );
}

export type BundleVolumes = DataChoice & {
  readonly root: string;
  readonly machine: Machine;
  readonly opened: OpenedVault;
  readonly logger: Logger;
  readonly signal: AbortSignal;
};

/** Gives the volumes back what the newest snapshots hold, or those that were chosen. Rejects as `restoreVolumes`. */
export function restoreBundleData({ machine, opened, ...request }: BundleVolumes): Promise<RestoredData> {
  return restoreVolumes({
    ...request,
    device: machine.metadata.name,
    repository: opened.repository,
    volumes: Object.keys(machine.volumes),
  });
}

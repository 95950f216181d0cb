import { SyncError } from '../cloud-sync/errors.ts';
import { openVault } from '../cloud-sync/vault/keys/open-vault.ts';
import type { Repository } from '../cloud-sync/vault/repository.ts';
import type { Machine } from '../manifests/machine.ts';
import { readDevice } from './read-device.ts';
import { readDeviceSlotSecret } from './vault/device-slot.ts';
import { backendOf, requireSame } from './vault/open-access.ts';
import { repositoryCredentials, repositoryTarget } from './vault/repository-target.ts';
import { readVaultState } from './vault/vault-state.ts';
import { floorPath } from './vault/vault-desk.ts';

export type DeviceVault = AsyncDisposable & {
  readonly repository: Repository;
  /** The key slot that opened it. */
  readonly slot: string;
  readonly device: string;
  /** The manifest that runs. */
  readonly machine: Machine;
  /** The file that remembers which snapshots were there: for `SnapshotFloor`. */
  readonly floor: string;
};

/**
 * Opens the repository of the device in `root` by the device's own key slot, whether or not its agent runs. Rejects with AgentError
 * 'notEnrolled', 'notConfigured', 'unknownSecret', or SyncError `noRepository`, `wrongPassphrase`, `stale`, as the backend does.
 */
export async function openDeviceVault(
  root: string,
  { signal }: { readonly signal: AbortSignal },
): Promise<DeviceVault> {
  const { identity, machine, secret } = await readDevice(root);
  const target = repositoryTarget(machine.vault, identity);
  const text = await readDeviceSlotSecret(root);
  if (text === undefined) {
    throw new SyncError('noRepository', `${identity.device} has no snapshots yet`, {
      hint: 'Take one: holdfast snapshot.',
    });
  }
  const http = await repositoryCredentials(target, machine.vault, { identity, secret });
  await using stack = new AsyncDisposableStack();
  const backend = stack.use(backendOf({ location: target.location, http }));
  const remembered = (await readVaultState(root)).repository;
  const known = remembered?.location === target.location ? remembered : null;
  const own = { secret: { kind: 'device', text }, slot: known?.slot } as const;
  const { repository, slot } = await openVault(backend, { ...own, signal });
  requireSame({ repositoryId: known?.id ?? null, location: target.location }, repository.id);
  stack.move();
  return {
    ...{ repository, slot, device: identity.device, machine },
    floor: floorPath(root),
    [Symbol.asyncDispose]: () => repository[Symbol.asyncDispose](),
  };
}

import type { VolumeVault } from '../reconcile/ports.ts';
import { isEnrolled, type Identity } from '../identity/identity-store.ts';
import type { VaultKeeper } from './vault-keeper.ts';

/** The vault as an update sees it. */
export function volumeVault(
  keeper: Pick<VaultKeeper, 'snapshotVolume' | 'restoreVolume'>,
  identity: Identity,
): VolumeVault {
  return {
    // A control plane has a vault for each of its devices.
    hasPlace: (vault) => isEnrolled(identity) || vault?.repository !== undefined,
    async snapshot(volume, { signal }) {
      const { id, problemCount } = await keeper.snapshotVolume(volume, { reason: 'before-update', signal });
      return { id, problems: problemCount };
    },
    async restore(volume, snapshot, { signal }) {
      await keeper.restoreVolume(volume, snapshot, { reason: 'roll-back', signal });
    },
  };
}

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
      const outcome = await keeper.snapshotVolume(volume, { reason: 'before-update', signal });
      // Files are whole without what no snapshot of them can ever have: that is not to hold up every update.
      const lost = outcome.problems.filter(({ code }) => code === 'attribute').length;
      return { id: outcome.id, problems: outcome.problemCount - lost };
    },
    async restore(volume, snapshot, { signal }) {
      await keeper.restoreVolume(volume, snapshot, { reason: 'roll-back', signal });
    },
  };
}

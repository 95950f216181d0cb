import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../../lib/logger.ts';
import type { Identity } from '../identity/identity-store.ts';
import type { SecretStore } from '../outside/secret-store.ts';
import { deviceSlotSecret } from './device-slot.ts';
import { createJobRunner } from './job-process.ts';
import { QuietFolder } from './quiet-folder.ts';
import { recoverVolumes } from './recover-volumes.ts';
import { readRestored } from './restored-volumes.ts';
import { readSurroundings } from './surroundings.ts';
import { VaultKeeper } from './vault-keeper.ts';
import { VaultStateStore } from './vault-state.ts';

export type VaultKeeperParts = {
  readonly root: string;
  readonly identity: Identity;
  readonly secrets: Pick<SecretStore, 'get'>;
  readonly logger: Logger;
};

/** The keeper with this machine's clock, power, link and processes. To be opened before anybody uses a volume. */
export async function openVaultKeeper(parts: VaultKeeperParts): Promise<VaultKeeper> {
  const { root, secrets, logger } = parts;
  await recoverVolumes(root, logger);
  return new VaultKeeper({
    ...parts,
    slotSecret: () => deviceSlotSecret(root),
    state: await VaultStateStore.open(root, logger),
    restored: await readRestored(root),
    secret: (name) => secrets.get(name),
    run: createJobRunner({ logger }),
    watch: (folder) => new QuietFolder(folder),
    surroundings: () => readSurroundings(),
    now: () => new Date(),
    sleep: (ms, signal) => sleep(ms, undefined, { signal, ref: false }).catch(() => undefined),
  });
}

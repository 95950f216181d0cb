import type { Logger } from '../../../lib/logger.ts';
import type { FileType } from '../../vault/backend/backend.ts';
import type { Database } from '../database/schema.ts';
import {
  addVaultFile,
  removeVaultFile,
  selectVaultFiles,
  selectVaultUsage,
} from '../database/vault-files.ts';
import { VaultLedger } from './vault-ledger.ts';
import { fileLimits, type VaultPlace } from './vault-place.ts';
import type { VaultStore } from './vault-store.ts';

type Parts = { readonly db: Database; readonly store: VaultStore; readonly logger: Logger };

const keyOf = ({ type, name }: Pick<VaultPlace, 'type' | 'name'>) => `${type}/${name}`;

/**
 * Brings list and store of a device together, once a process. A file that is not listed was whole under its
 * name when a crash came before the list: it is made durable [G1] and taken in. One that is listed and gone was
 * taken away behind our back: it is listed no more, so that a check of the repository finds it missing.
 */
export async function openVaultLedger(device: string, { db, store, logger }: Parts): Promise<VaultLedger> {
  await store.open(device);
  const listed = new Map<string, VaultPlace>();
  for (const type of Object.keys(fileLimits) as FileType[]) {
    for (const { name } of await selectVaultFiles(db, device, type)) {
      listed.set(keyOf({ type, name }), { device, type, name });
    }
  }
  let adopted = 0;
  for await (const place of store.list(device)) {
    if (listed.delete(keyOf(place))) continue;
    const stat = await store.stat(place);
    if (!stat) continue;
    await store.keep(place);
    await addVaultFile(db, { ...place, bytes: stat.bytes, receivedMs: stat.storedMs });
    adopted += 1;
  }
  for (const place of listed.values()) await removeVaultFile(db, place);
  if (adopted > 0) logger.info('vault.adopted', { device, files: adopted });
  if (listed.size > 0) logger.error('vault.missing', { device, files: listed.size });
  return new VaultLedger(await selectVaultUsage(db, device));
}

import { openFolderBackend } from '../../../cloud-sync/vault/backend/folder-backend.ts';
import { wrapKey } from '../../../cloud-sync/vault/format/key-file.ts';
import { createRepository } from '../../../cloud-sync/vault/open-repository.ts';

/** Cheap to derive: this key guards nothing, and is derived by each of hundreds of processes. */
const cost = { N: 2 ** 10, r: 8, p: 1 };

/** An empty repository in a folder, with one key. */
export async function makeRepository(folder: string, password: string): Promise<void> {
  await using _ = await createRepository(openFolderBackend(folder), {
    keys: async (key) => [
      await wrapKey(key, password, { cost, user: 'test', host: 'test', created: new Date().toISOString() }),
    ],
    signal: AbortSignal.timeout(60_000),
  });
}

import { createRepository } from '../../cloud-sync/vault/open-repository.ts';
import { namedFile } from '../../cloud-sync/vault/format/stored-name.ts';
import type { Repository } from '../../cloud-sync/vault/repository.ts';
import { MemoryBackend } from './memory-backend.ts';

export type MemoryRepository = { readonly backend: MemoryBackend; readonly repository: Repository };

/** An empty repository in memory, in `backend` or one of its own, whose one key file opens nothing. */
export async function createMemoryRepository(backend = new MemoryBackend()): Promise<MemoryRepository> {
  const keys = () => Promise.resolve([namedFile(Buffer.from('{}'))]);
  return {
    backend,
    repository: await createRepository(backend, { keys, signal: AbortSignal.timeout(60_000) }),
  };
}

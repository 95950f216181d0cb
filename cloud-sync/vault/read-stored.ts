import { SyncError } from '../errors.ts';
import type { FileType, VaultBackend } from './backend/backend.ts';
import { storedName } from './format/stored-name.ts';

type StoredRequest = {
  readonly type: Exclude<FileType, 'config'>;
  readonly name: string;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
};

/** A whole file whose bytes make its name. Rejects with `corrupt` when they do not: damaged, or exchanged for another that is sealed with the same key. [G8] */
export async function readStored(
  backend: VaultBackend,
  { type, name, maxBytes, signal }: StoredRequest,
): Promise<Buffer> {
  const bytes = await backend.read(type, name, { signal, maxBytes });
  if (storedName(bytes) === name) return bytes;
  throw new SyncError(
    'corrupt',
    `The file ${type}/${name} in ${backend.location} is damaged: its bytes make another name`,
  );
}

/** Says of which part a failure is that only knows bytes. */
export function rethrowNamed(error: unknown, what: string): never {
  if (!(error instanceof SyncError)) throw error;
  throw new SyncError(error.code, `Cannot read the ${what}: ${error.message}`, {
    cause: error,
    transient: error.transient,
    ...(error.hint !== undefined && { hint: error.hint }),
  });
}

import { z } from 'zod';
import { SyncError } from '../../errors.ts';
import { authorFields } from './author-fields.ts';
import type { Sealer } from './sealer.ts';
import { namedFile, type NamedFile } from './stored-name.ts';
import { decodeUnpacked, encodeUnpacked, type RepositoryVersion } from './unpacked-file.ts';

/** Who works in a repository, as restic's design document defines it. */
export type LockDocument = z.infer<typeof schema>;

/** Sealed bytes of a lock file, at most. */
export const maxLockBytes = 64 * 1024;
const maxJsonBytes = 64 * 1024;

// Loose: another restic may know more keys. Defaults are what Go leaves out.
const schema = z.object({
  /** RFC 3339, when it was made or last refreshed. */
  time: z.iso.datetime({ offset: true }),
  exclusive: z.boolean(),
  ...authorFields,
  pid: z.int().min(0).default(0),
  /** Whose numbers `pid` is one of; restic knows no such key, and passes it over. */
  processes: z.string().max(200).optional(),
});

export function encodeLock(
  sealer: Sealer,
  document: LockDocument,
  version: RepositoryVersion = 2,
): NamedFile {
  return namedFile(encodeUnpacked(sealer, document, version));
}

/** Rejects with `corrupt`. */
export function decodeLock(sealer: Sealer, bytes: Uint8Array): LockDocument {
  const parsed = schema.safeParse(decodeUnpacked(sealer, bytes, { maxBytes: maxJsonBytes }));
  if (parsed.success) return parsed.data;
  throw new SyncError('corrupt', `A lock file is damaged: ${z.prettifyError(parsed.error)}`);
}

import { errorCode } from '../../../lib/error-code.ts';
import { SyncError } from '../../errors.ts';
import type { CallOptions, StoredFile } from '../backend/backend.ts';
import { decodeLock, maxLockBytes, type LockDocument } from '../format/lock-file.ts';
import { Sealer } from '../format/sealer.ts';
import type { Repository } from '../repository.ts';
import { inParallel } from '../in-parallel.ts';
import { callsAtOnce } from './calls-at-once.ts';
import { hasEnded } from './lock-holder.ts';

/** A lock that lies in a repository; `document` is null where it does not verify. */
export type HeldLock = { readonly file: StoredFile; readonly document: LockDocument | null };

/** After this a lock that was not refreshed is no longer one, for restic too. */
export const staleAfterMs = 30 * 60_000;

/** More than any number of machines leaves; who floods a repository with them must not cost memory. */
const maxLocks = 1_000;

export async function listLocks(repository: Repository, { signal }: CallOptions): Promise<HeldLock[]> {
  const files = await repository.backend.list('locks', { signal });
  if (files.length > maxLocks) {
    throw new SyncError('locked', `Repository ${repository.backend.location} has ${files.length} locks`, {
      hint: 'Look at who makes them, and take them away: holdfast vault unlock --all.',
    });
  }
  const sealer = new Sealer(repository.key);
  const locks = await inParallel(files, callsAtOnce, (file) =>
    readLock(repository, { file, sealer, signal }),
  );
  return locks.filter((lock) => lock !== undefined);
}

/**
 * Whether nobody holds it any more: its process has ended, or it was not refreshed for 30 minutes by its own time and, where the store
 * tells, by the store's. So a holder whose clock is wrong is not robbed.
 */
export function isStale({ file, document }: HeldLock, nowMs: number): boolean {
  if (document && hasEnded(document)) return true;
  return ageOf({ file, document }, nowMs) > staleAfterMs;
}

export function lockedError(location: string, { file, document }: HeldLock, nowMs: number): SyncError {
  const minutes = Math.max(0, Math.round(ageOf({ file, document }, nowMs) / 60_000));
  const holder = document
    ? `process ${document.pid} of ${document.username || `user ${document.uid}`} on ${document.hostname}`
    : 'a lock that does not verify';
  const kind = document?.exclusive ? ' exclusively' : '';
  return new SyncError(
    'locked',
    `Repository ${location} is locked${kind} by ${holder}, made or refreshed ${minutes} min ago (lock ${file.name.slice(0, 8)})`,
    {
      hint: 'Wait for it to end. If it has ended without taking its lock away, run: holdfast vault unlock.',
      transient: true,
    },
  );
}

/** The least that either clock says; a lock that neither dates is young. */
function ageOf({ file, document }: HeldLock, nowMs: number): number {
  const claimed = document ? Date.parse(document.time) : Number.NaN;
  const times = [claimed, file.receivedMs ?? Number.NaN].filter((ms) => !Number.isNaN(ms));
  return times.length === 0 ? 0 : nowMs - Math.max(...times);
}

type Reading = CallOptions & { readonly file: StoredFile; readonly sealer: Sealer };

async function readLock(
  { backend }: Repository,
  { file, sealer, signal }: Reading,
): Promise<HeldLock | undefined> {
  try {
    const bytes = await backend.read('locks', file.name, { signal, maxBytes: maxLockBytes });
    return { file, document: decodeLock(sealer, bytes) };
  } catch (error) {
    // Its holder let go since the listing.
    if (errorCode(error) === 'notFound') return undefined;
    if (errorCode(error) === 'corrupt' || errorCode(error) === 'tooLarge') return { file, document: null };
    throw error;
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode } from '../../../lib/error-code.ts';
import { silentLogger, type Logger } from '../../../lib/logger.ts';
import { SyncError } from '../../errors.ts';
import type { CallOptions } from '../backend/backend.ts';
import type { Repository } from '../repository.ts';
import { callsAtOnce } from './calls-at-once.ts';
import { isStale, listLocks, lockedError, type HeldLock } from './held-locks.ts';
import { inParallel } from '../in-parallel.ts';
import { hasEnded } from './lock-holder.ts';
import { LockKeeper } from './lock-keeper.ts';
import { isNoRoom, noRoom } from './no-room.ts';

export type LockRequest = CallOptions & {
  /** Nobody else may hold any lock; else others may hold locks that are not exclusive. */
  readonly exclusive: boolean;
  /** How long to try again while others hold it, in milliseconds; default 0. */
  readonly waitMs?: number;
  readonly now?: () => Date;
  readonly logger?: Logger;
};

export type RepositoryLock = AsyncDisposable & {
  /** Aborts, with a `locked` error, once others may believe that nobody holds the lock: work under it has to stop. */
  readonly lost: AbortSignal;
  /** Throws that error. To be called right before what must not happen without the lock: a snapshot's last file, a removal. */
  assertHeld(): void;
  /** When the store took the lock, by its own clock, in milliseconds since 1970; null where it does not say. */
  readonly acquiredMs: number | null;
};

const tickMs = 5_000;
const retryMs = { first: 250, most: 5_000 };

/**
 * Locks a repository as restic does, and against restic too. Resolves once the lock is durable and no other stands against it; rejects
 * with `locked`, which names the holder, when others hold it for longer than `waitMs`. Locks that are stale count for nothing and are
 * removed. The lock refreshes itself until it is disposed of, which takes it away.
 */
export async function lockRepository(repository: Repository, request: LockRequest): Promise<RepositoryLock> {
  const { waitMs = 0, now = () => new Date(), signal } = request;
  const until = now().getTime() + waitMs;
  for (let delayMs = retryMs.first; ; delayMs = Math.min(delayMs * 2, retryMs.most)) {
    try {
      return await tryLock(repository, { ...request, now });
    } catch (error) {
      if (errorCode(error) !== 'locked' || now().getTime() + delayMs > until) throw error;
    }
    // Two that met and both stepped back must not meet again.
    await sleep(delayMs * (0.5 + Math.random() / 2), undefined, { signal });
  }
}

/** Removes locks that nobody holds any more, or `all`: then what still runs under one may come to harm. Resolves with how many. */
export async function removeStaleLocks(
  repository: Repository,
  { all = false, signal, now = () => new Date() }: CallOptions & { all?: boolean; now?: () => Date },
): Promise<number> {
  const names = all
    ? (await repository.backend.list('locks', { signal })).map(({ name }) => name)
    : (await listLocks(repository, { signal }))
        .filter((lock) => isStale(lock, now().getTime()))
        .map(({ file }) => file.name);
  await inParallel(names, callsAtOnce, (name) => repository.backend.remove('locks', name, { signal }));
  return names.length;
}

type Attempt = LockRequest & { readonly now: () => Date };

async function tryLock(repository: Repository, attempt: Attempt): Promise<RepositoryLock> {
  const { exclusive, now, signal, logger = silentLogger } = attempt;
  const nowMs = now().getTime();
  const before = refuseConflict(repository, await listLocks(repository, { signal }), { exclusive, nowMs });
  await using undo = new AsyncDisposableStack();
  const keeper = undo.use(new LockKeeper(repository, { exclusive, now, logger }));
  await writeWithin(repository, keeper, { stale: before, signal });
  // Of two that write before they list, at least one sees the other: there is nothing to wait for where a listing shows every write.
  const locks = await listLocks(repository, { signal });
  const own = locks.find(({ file }) => file.name === keeper.name);
  if (!own) throw unlisted(repository);
  const others = locks.filter((lock) => lock !== own);
  const acquiredMs = own.file.receivedMs;
  const stale = refuseConflict(repository, others, { exclusive, nowMs: acquiredMs ?? nowMs });
  await removeQuietly(repository, stale, signal);
  const timer = setInterval(() => void keeper.tick(), tickMs).unref();
  undo.defer(() => clearInterval(timer));
  const held = undo.move();
  return {
    ...{ lost: keeper.lost, acquiredMs },
    assertHeld: () => keeper.assertHeld(),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/**
 * Where there is no room those make some whose process has ended. Not those that are stale by age: how late it is by the store's clock is
 * known only once it took a lock, and by ours, which may be ahead, a holder would be robbed.
 */
async function writeWithin(
  repository: Repository,
  keeper: LockKeeper,
  { stale, signal }: CallOptions & { readonly stale: readonly HeldLock[] },
): Promise<void> {
  try {
    await keeper.write(signal);
  } catch (error) {
    if (!isNoRoom(error)) throw error;
    const ended = stale.filter(({ document }) => document && hasEnded(document));
    await removeQuietly(repository, ended, signal);
    await keeper.write(signal).catch((again: unknown) => {
      if (!isNoRoom(again)) throw again;
      throw noRoomToLock(repository, { cause: again, hasStale: stale.length > ended.length });
    });
  }
}

/** `hasStale`: some of its locks are old enough to go, once a person says so. */
function noRoomToLock(
  { backend }: Repository,
  { cause, hasStale }: { readonly cause: unknown; readonly hasStale: boolean },
): SyncError {
  const message = `Cannot lock repository ${backend.location}: there is no room for the lock, a file of some hundred bytes`;
  const hint = hasStale
    ? 'Locks that nobody seems to hold any more take some. They go with: holdfast vault unlock.'
    : 'Free a few MiB of something else there, or raise its quota.';
  const then = 'What the repository can spare then goes with: holdfast snapshot forget --prune.';
  return noRoom(message, { hint: `${hint} ${then}`, cause });
}

/** Resolves with those that are stale. */
function refuseConflict(
  { backend }: Repository,
  locks: readonly HeldLock[],
  { exclusive, nowMs }: { readonly exclusive: boolean; readonly nowMs: number },
): HeldLock[] {
  const stale = locks.filter((lock) => isStale(lock, nowMs));
  // One that does not verify may be exclusive.
  const stands = ({ document }: HeldLock): boolean => exclusive || (document?.exclusive ?? true);
  const against = locks.find((lock) => !stale.includes(lock) && stands(lock));
  if (against) throw lockedError(backend.location, against, nowMs);
  return stale;
}

/** Stale ones stand against nobody, so it is no harm where they have to stay. */
async function removeQuietly(
  { backend }: Repository,
  locks: readonly HeldLock[],
  signal: AbortSignal,
): Promise<void> {
  await inParallel(locks, callsAtOnce, ({ file }) =>
    backend.remove('locks', file.name, { signal }).catch(() => undefined),
  );
  signal.throwIfAborted();
}

function unlisted({ backend }: Repository): SyncError {
  return new SyncError(
    'stale',
    `Repository ${backend.location} does not list a lock that it has just taken`,
    {
      hint: 'Its store shows an older state, or someone removed the lock. Try again, then look at the store.',
      transient: true,
    },
  );
}

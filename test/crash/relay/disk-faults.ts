import { spawn } from 'node:child_process';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const piece = Buffer.alloc(2 ** 16);

/** Fills the file system of `folder` to its last byte. Disposing it frees the space again. */
export async function fillDisk(folder: string): Promise<AsyncDisposable> {
  const path = join(folder, 'filler');
  const file = await open(path, 'w');
  try {
    for (let bytes = piece.length; bytes >= 1;) {
      try {
        await file.write(piece, 0, bytes);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        bytes = Math.floor(bytes / 16);
      }
    }
  } finally {
    await file.close();
  }
  return { [Symbol.asyncDispose]: () => rm(path) };
}

type FailedSync = {
  /** As `performance.now()` says. */
  readonly atMs: number;
  /**
   * Of the log that commits are promised by. A checkpoint syncs the database itself: when that fails, SQLite keeps the log
   * and writes every page again at the next one, so nothing that was promised depends on it.
   */
  readonly isCommit: boolean;
};
export type FailingSync = AsyncDisposable & {
  /** Undefined when no fsync came in time. */
  readonly failed: Promise<FailedSync | undefined>;
};

/** Makes the `nth` fsync of a process from now on fail with EIO, once; the one after it succeeds again. */
export async function failSync(pid: number, nth: number, withinMs: number): Promise<FailingSync> {
  const calls = 'fsync,fdatasync';
  const strace = spawn(
    'strace',
    ['-f', '-y', '-e', `trace=${calls}`, '-e', `inject=${calls}:error=EIO:when=${nth}`, '-p', String(pid)],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const ended = new Promise<void>((resolve) => strace.once('close', () => resolve()));
  const lines = createInterface({ input: strace.stderr });
  const attached = new Promise<void>((resolve) => lines.once('line', () => resolve()));
  const failed = new Promise<FailedSync>((resolve) =>
    lines.on('line', (line) => {
      if (line.includes('INJECTED'))
        resolve({ atMs: performance.now(), isCommit: line.includes('.db-wal>') });
    }),
  );
  const late = new AbortController();
  await Promise.race([attached, ended]);
  return {
    failed: Promise.race([
      failed,
      sleep(withinMs, undefined, { signal: late.signal }).catch(() => undefined),
    ]),
    [Symbol.asyncDispose]: async () => {
      late.abort();
      strace.kill('SIGINT');
      await ended;
    },
  };
}

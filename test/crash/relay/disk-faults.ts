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

export type FailingSync = AsyncDisposable & {
  /** When the fsync failed, as `performance.now()` says; undefined when none came in time. */
  readonly failedAtMs: Promise<number | undefined>;
};

/** Makes the `nth` fsync of a process from now on fail with EIO, once; the one after it succeeds again. */
export async function failSync(pid: number, nth: number, withinMs: number): Promise<FailingSync> {
  const calls = 'fsync,fdatasync';
  const strace = spawn(
    'strace',
    ['-f', '-e', `trace=${calls}`, '-e', `inject=${calls}:error=EIO:when=${nth}`, '-p', String(pid)],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const ended = new Promise<void>((resolve) => strace.once('close', () => resolve()));
  const lines = createInterface({ input: strace.stderr });
  const attached = new Promise<void>((resolve) => lines.once('line', () => resolve()));
  const failed = new Promise<number>((resolve) =>
    lines.on('line', (line) => line.includes('INJECTED') && resolve(performance.now())),
  );
  const late = new AbortController();
  await Promise.race([attached, ended]);
  return {
    failedAtMs: Promise.race([
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

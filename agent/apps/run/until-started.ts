import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode } from '../../../lib/error-code.ts';
import type { Run } from './engine.ts';
import { cannotStart } from './find-program.ts';
import { parseIdentity, type ProcessIdentity } from './process-identity.ts';

const pollMs = 2;
/** A container starts in tens of milliseconds; a machine that swaps gets more. */
const startTimeoutMs = 120_000;
const complaintMaxBytes = 4096;

/** Resolves to the parent when the program runs, or ran already. Rejects with `startFailed`, and nothing of `child` runs then. */
export async function untilStarted(
  run: Run,
  child: ChildProcess,
  hasStarted: (started: string) => boolean,
): Promise<ProcessIdentity> {
  const from = performance.now();
  let hasEnded = child.exitCode !== null || child.signalCode !== null;
  child.once('exit', () => (hasEnded = true));
  if (child.pid === undefined)
    throw cannotStart(run.record.spec, 'the machine has no room for another process');
  for (;;) {
    const isOver = hasEnded;
    if (hasStarted(contentOf(join(run.folder, 'started')))) break;
    if (isOver) throw cannotStart(run.record.spec, await complaintOf(run));
    if (performance.now() - from > startTimeoutMs) {
      process.kill(-child.pid, 'SIGKILL');
      throw cannotStart(run.record.spec, `it did not start within ${startTimeoutMs} ms`);
    }
    await sleep(pollMs);
  }
  const parent = parseIdentity(readFileSync(join(run.folder, 'pid'), 'utf8'));
  if (parent !== undefined) return parent;
  throw cannotStart(run.record.spec, 'its parent process did not say which one it is');
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return '';
    throw error;
  }
}

/** What the shell or the runtime wrote last. */
async function complaintOf({ folder }: Run): Promise<string> {
  const text = await tailOf(join(folder, 'err'));
  const last = text.trim().split('\n').at(-1) ?? '';
  const [, message] = /\bmsg=("(?:[^"\\]|\\.)*")/.exec(last) ?? [];
  if (message === undefined) return last === '' ? 'it ended at once and did not say why' : last;
  try {
    return String(JSON.parse(message));
  } catch {
    return last;
  }
}

async function tailOf(path: string): Promise<string> {
  try {
    await using file = await open(path, 'r');
    const { size } = await file.stat();
    const from = Math.max(0, size - complaintMaxBytes);
    const { buffer, bytesRead } = await file.read(
      Buffer.alloc(complaintMaxBytes),
      0,
      complaintMaxBytes,
      from,
    );
    return buffer.toString('utf8', 0, bytesRead);
  } catch {
    return '';
  }
}

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AgentError } from '../../errors.ts';
import type { Engine, Run } from './engine.ts';
import { spawnBeside } from './spawn-command.ts';

const outputMaxBytes = 64 * 2 ** 10;

type Beside = { readonly exitCode: number; readonly output: string };

/** A program beside an app. Ends it, and rejects, at the time limit and when the signal is aborted. */
export async function runBeside(
  { run, engine }: { readonly run: Run; readonly engine: Engine },
  args: readonly string[],
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<Beside> {
  signal.throwIfAborted();
  const token = `exec-${randomBytes(4).toString('hex')}`;
  const command = await engine.prepareBeside(run, args, token);
  const child = spawnBeside(run.folder, command);
  const ended = once(child, 'close');
  const output = collected(child);
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const endNow = (): void => void kill(child, { run, engine }, token);
  limit.addEventListener('abort', endNow);
  try {
    if (limit.aborted) endNow();
    const [code] = (await ended) as [number | null];
    signal.throwIfAborted();
    if (limit.aborted) throw tooSlow(run, args, timeoutMs);
    return { exitCode: code ?? 137, output: output() };
  } finally {
    limit.removeEventListener('abort', endNow);
    await command.descriptor?.close();
    for (const name of [token, `${token}.sh`, `${token}.json`])
      await rm(join(run.folder, name), { force: true });
  }
}

function tooSlow({ record }: Run, args: readonly string[], timeoutMs: number): AgentError {
  const program = args[0] ?? '';
  return new AgentError('timeout', `${program} beside app ${record.spec.app} took more than ${timeoutMs} ms`);
}

/** The first of it; the rest is read and left out. */
function collected(child: ChildProcess): () => string {
  const chunks: Buffer[] = [];
  let room = outputMaxBytes;
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      if (room > 0) chunks.push(chunk.subarray(0, room));
      room -= chunk.length;
    });
  }
  return () => Buffer.concat(chunks).toString('utf8');
}

/** Both what waits for the program and the program, which may be a child of another. */
async function kill(
  child: ChildProcess,
  { run, engine }: { readonly run: Run; readonly engine: Engine },
  token: string,
): Promise<void> {
  const started = await readFile(join(run.folder, token), 'utf8').catch(() => '');
  const inner = engine.lastProcess(started);
  for (const pid of [...(inner === null ? [] : [inner]), ...(child.pid === undefined ? [] : [-child.pid])]) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
  // Somebody it started elsewhere may still hold the pipes.
  child.stdout?.destroy();
  child.stderr?.destroy();
}

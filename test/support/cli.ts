import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { builtProgram } from './built-program.ts';

export const nodeFlags = ['--disable-warning=ExperimentalWarning'];

export type CliResult = { readonly code: number | null; readonly stdout: string; readonly stderr: string };
export type CliOptions = {
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
};

/** Runs `holdfast …` as a child process to its end, with none of the caller's own HOLDFAST_… settings. */
export async function runCli(
  parameters: readonly string[],
  { input, env }: CliOptions = {},
): Promise<CliResult> {
  const child = spawnCli(parameters, env);
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(input);
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [stdout, stderr] = await Promise.all([collect(child.stdout), collect(child.stderr)]);
  return { code: await ended, stdout, stderr };
}

export type Daemon = AsyncDisposable & {
  /** Its `ready` line. */
  readonly ready: Readonly<Record<string, unknown>>;
  readonly pid: number;
  /** What it wrote there so far. */
  stderr(): string;
  /** Ends it; resolves with its exit code, null after SIGKILL. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
};

/** Starts `holdfast … up --json` and waits until it is ready; rejects with its stderr when it ends before. */
export async function startDaemon(
  parameters: readonly string[],
  env?: Readonly<Record<string, string>>,
): Promise<Daemon> {
  const child = spawnCli([...parameters, '--json'], env);
  const errors: string[] = [];
  child.stderr?.on('data', (chunk: Buffer) => errors.push(chunk.toString('utf8')));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const lines = createInterface({ input: child.stdout ?? process.stdin });
  const first = new Promise<string>((resolve) => lines.once('line', resolve));
  const line = await Promise.race([first, ended]);
  const ready = typeof line === 'string' ? (JSON.parse(line) as Record<string, unknown>) : undefined;
  if (ready?.event !== 'ready') {
    // What it says on stderr may come behind its last line here.
    const code = await Promise.race([ended, sleep(5000, 'nothing', { ref: false })]);
    child.kill('SIGKILL');
    const said = errors.join('') || String(line);
    throw new Error(
      `holdfast ${parameters.join(' ')} did not start, and ended with ${String(code)}: ${said}`,
    );
  }
  const stop = (signal: NodeJS.Signals = 'SIGTERM') => {
    child.kill(signal);
    return ended;
  };
  return {
    ready,
    pid: child.pid ?? 0,
    stderr: () => errors.join(''),
    stop,
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode === null && child.signalCode === null) await stop('SIGKILL');
    },
  };
}

export async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'holdfast-test-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 5 }) };
}

/** Starts `holdfast …` as a child process. */
export function spawnCli(
  parameters: readonly string[],
  env: Readonly<Record<string, string>> = {},
): ChildProcess {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('HOLDFAST_') && name !== 'NODE_OPTIONS' && name !== 'XDG_CONFIG_HOME',
  );
  return spawn(process.execPath, [...nodeFlags, builtProgram(), ...parameters], {
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}

async function collect(stream: NodeJS.ReadableStream | null): Promise<string> {
  let text = '';
  if (stream) for await (const chunk of stream) text += String(chunk);
  return text;
}

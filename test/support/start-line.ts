import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export type Started = AsyncDisposable & {
  /** The first line that it wrote. */
  readonly ready: Readonly<Record<string, unknown>>;
  readonly pid: number;
};

/** Starts a program that writes a line of JSON when it is ready. Rejects with its stderr when it ends before. */
export async function startLine(program: string, parameters: readonly string[]): Promise<Started> {
  const child = spawn(program, parameters, { stdio: ['ignore', 'pipe', 'pipe'] });
  const errors: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk.toString()));
  const ended = new Promise<undefined>((resolve) => child.once('close', () => resolve(undefined)));
  const lines = createInterface({ input: child.stdout });
  const line = await Promise.race([new Promise<string>((resolve) => lines.once('line', resolve)), ended]);
  if (line === undefined) throw new Error(`${program} ended before it was ready: ${errors.join('')}`);
  return {
    ready: JSON.parse(line) as Record<string, unknown>,
    pid: child.pid ?? 0,
    [Symbol.asyncDispose]: async () => {
      // As Ctrl-C: an agent ends its apps too.
      child.kill('SIGINT');
      await ended;
    },
  };
}

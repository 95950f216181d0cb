import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { ProcessTree } from './process-tree.ts';

export type Program = {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
};

/** `cpuMs`: of all processes, up to the last look at them. */
export type Run = { readonly wallMs: number; readonly cpuMs: number; readonly peakBytes: number };

const lookEveryMs = 20;
const maxSaidChars = 4000;

/** Runs a program to its end, watching all its processes. Rejects with what it said when it fails. */
export async function runProgram({ command, args, env, cwd }: Program): Promise<Run> {
  const began = performance.now();
  const child = spawn(command, args, {
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (said = `${said}${chunk.toString()}`.slice(-maxSaidChars)));
  await once(child, 'spawn');
  const tree = new ProcessTree(child.pid ?? 0);
  const looking = setInterval(() => tree.look(), lookEveryMs);
  try {
    const [code] = (await once(child, 'exit')) as [number | null];
    const wallMs = performance.now() - began;
    if (code !== 0)
      throw new Error(`${command} ${args.join(' ')} ended with ${code ?? 'a signal'}: ${said.trim()}`);
    return { wallMs, cpuMs: tree.cpuMs, peakBytes: tree.peakBytes };
  } finally {
    clearInterval(looking);
  }
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { ProcessSandbox } from '../../functions/runtime/process-sandbox.ts';

/** Runs a module in plain node inside a sandbox, without the permission model; gives what it prints, as JSON. */
export async function runInSandbox(sandbox: ProcessSandbox, code: string): Promise<unknown> {
  const node = [process.execPath, '--input-type=module', '--eval', code];
  const [program = '', ...args] = sandbox.wrap(node, []);
  const child = spawn(program, args, {
    env: {},
    cwd: '/',
    stdio: ['ignore', 'pipe', 'pipe', 'ignore', 'pipe'],
  });
  const [, stdout, stderr, , filter] = child.stdio as [null, Readable, Readable, null, Writable];
  filter.on('error', () => undefined);
  filter.end(sandbox.filter);
  const [out, errors] = await Promise.all([text(stdout), text(stderr), once(child, 'exit')]);
  if (out === '') throw new Error(`It printed nothing: ${errors}`);
  return JSON.parse(out) as unknown;
}

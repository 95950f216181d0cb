import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, constants } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import type { Writable } from 'node:stream';
import { z } from 'zod';
import { errorMessage } from '../../lib/error-code.ts';
import type { ProcessSandbox } from './process-sandbox.ts';
import { seccompFilter } from './seccomp-filter.ts';

type Wrapping = Pick<ProcessSandbox, 'wrap' | 'filter'>;

/** Starting an empty sandbox takes milliseconds; a machine that swaps gets more. */
const probeTimeoutMs = 10_000;

/** bwrap when it is on the PATH and works: containers and hardened kernels forbid user namespaces. [G6] */
export async function findBwrap(
  path = process.env.PATH ?? '',
): Promise<Wrapping | { readonly problem: string }> {
  const program = await findOnPath('bwrap', path);
  if (program === undefined) return { problem: 'bwrap not found (apt install bubblewrap)' };
  const base = [process.execPath, ...sharedObjects()];
  const filter = seccompFilter();
  const seccomp = filter ? ['--seccomp', '4'] : [];
  const wrapping: Wrapping = {
    filter,
    wrap: (command, files) => [program, ...flags([...base, ...files]), ...seccomp, '--', ...command],
  };
  const problem = await tryOut(wrapping);
  return problem === undefined ? wrapping : { problem: `bwrap does not work here: ${problem}` };
}

/**
 * Namespaces of its own for everything, nobody as user, no capability, and an empty, unwritable file system with `files` in it.
 * bwrap sets no-new-privileges by itself. The session is that of the spawn, so that one signal reaches all of it. /proc shows this sandbox only; node reads from it how much memory it holds.
 */
function flags(files: readonly string[]): string[] {
  return [
    ...['--unshare-all', '--unshare-user', '--uid', '65534', '--gid', '65534', '--cap-drop', 'ALL'],
    ...['--die-with-parent', '--clearenv', '--hostname', 'function-host'],
    ...files.flatMap((file) => ['--ro-bind-try', file, file]),
    ...['--proc', '/proc', '--remount-ro', '/', '--chdir', '/'],
  ];
}

const reportSchema = z.object({ sharedObjects: z.array(z.string()) });

/** The libraries node is linked to, and its loader, under the paths by which the loader finds them: this process has them loaded. */
function sharedObjects(): string[] {
  const report = process.report as NodeJS.ProcessReport & { excludeNetwork: boolean };
  const { excludeNetwork } = report;
  // Else it looks up the name of every peer.
  report.excludeNetwork = true;
  try {
    const { sharedObjects } = reportSchema.parse(report.getReport());
    return sharedObjects.filter((file) => isAbsolute(file) && !file.endsWith('.node'));
  } finally {
    report.excludeNetwork = excludeNetwork;
  }
}

async function findOnPath(name: string, path: string): Promise<string | undefined> {
  for (const folder of path.split(delimiter).filter(isAbsolute)) {
    const file = join(folder, name);
    const problem = await access(file, constants.X_OK).catch(errorMessage);
    if (problem === undefined) return file;
  }
  return undefined;
}

/** What it complained of, or undefined when node could be started in it. */
async function tryOut({ wrap, filter }: Wrapping): Promise<string | undefined> {
  const [program = '', ...args] = wrap([process.execPath, '--version'], []);
  const child = spawn(program, args, {
    env: {},
    cwd: '/',
    stdio: ['ignore', 'ignore', 'pipe', 'ignore', 'pipe'],
    timeout: probeTimeoutMs,
    killSignal: 'SIGKILL',
  });
  let complaint = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString('utf8')).slice(0, 200);
  });
  const pipe = child.stdio[4] as Writable;
  // It may be gone before it has read it, which the exit code tells.
  pipe.on('error', () => undefined);
  pipe.end(filter);
  const ended = await once(child, 'close').catch((error: unknown) => [errorMessage(error)]);
  const [outcome, signal] = ended as [number | string | null, NodeJS.Signals?];
  if (outcome === 0) return undefined;
  return complaint === '' ? `it ended with ${outcome ?? signal}` : complaint.split('\n')[0];
}

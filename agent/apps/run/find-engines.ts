import { access, constants } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import type { LaunchCapabilities, LaunchSpec } from '../ports.ts';
import { containerEngine } from './container-engine.ts';
import type { Engine } from './engine.ts';
import { processEngine } from './process-engine.ts';
import { runToEnd } from './run-to-end.ts';
import { sandboxEngine } from './sandbox-engine.ts';

type Isolation = LaunchSpec['isolation'];

export type Engines = {
  /** Also of what cannot be had any more: what it once started can be looked after. */
  readonly engines: Readonly<Record<Isolation, Engine>>;
  readonly isolations: LaunchCapabilities['isolations'];
};

/** Starting something empty takes milliseconds; a loaded machine gets more. */
const probeTimeoutMs = 20_000;

/** What this machine has, tried out. `path`: of the folders with programs. */
export async function findEngines(
  path: string,
  platform: NodeJS.Platform = process.platform,
): Promise<Engines> {
  const setpriv = await findOnPath('setpriv', path);
  // Without /proc no run can be told from another that has its number.
  const isLinux = platform === 'linux';
  const [container, sandbox]: [Found, Found] = isLinux
    ? await Promise.all([findRuntime(path), findSandbox(path, setpriv)])
    : [notHere(platform), notHere(platform)];
  return {
    engines: {
      container: 'engine' in container ? container.engine : containerEngine('runc', 'runc'),
      sandbox: 'engine' in sandbox ? sandbox.engine : sandboxEngine({ bwrap: 'bwrap', setpriv }),
      process: processEngine(setpriv),
    },
    isolations: {
      container: { available: 'engine' in container, by: container.by },
      sandbox: { available: 'engine' in sandbox, by: sandbox.by },
      process: isLinux
        ? {
            available: true,
            by: setpriv === undefined ? 'nothing; no setpriv: new privileges are not forbidden' : 'setpriv',
          }
        : { available: false, ...notHere(platform) },
    },
  };
}

type Found = { readonly engine: Engine; readonly by: string } | { readonly by: string };

function notHere(platform: NodeJS.Platform): { readonly by: string } {
  return { by: `apps run on Linux, this is ${platform}` };
}

async function findRuntime(path: string): Promise<Found> {
  for (const name of ['runc', 'crun'] as const) {
    const program = await findOnPath(name, path);
    if (program === undefined) continue;
    const { exitCode, output } = await runToEnd(program, ['--version'], { timeoutMs: probeTimeoutMs });
    if (exitCode !== 0) return { by: `${name} does not work here: ${firstLine(output)}` };
    return { engine: containerEngine(program, name), by: firstLine(output) };
  }
  return { by: 'neither runc nor crun was found (apt install runc)' };
}

async function findSandbox(path: string, setpriv: string | undefined): Promise<Found> {
  const bwrap = await findOnPath('bwrap', path);
  if (bwrap === undefined) return { by: 'bwrap was not found (apt install bubblewrap)' };
  const probe = ['--unshare-all', '--unshare-user', '--ro-bind', '/', '/', '--proc', '/proc', '--', 'true'];
  const { exitCode, output } = await runToEnd(bwrap, probe, { timeoutMs: probeTimeoutMs });
  if (exitCode !== 0) return { by: `bwrap does not work here: ${firstLine(output)}` };
  return { engine: sandboxEngine({ bwrap, setpriv }), by: 'bwrap' };
}

function firstLine(output: string): string {
  return output.split('\n')[0] ?? '';
}

async function findOnPath(name: string, path: string): Promise<string | undefined> {
  for (const folder of path.split(delimiter).filter(isAbsolute)) {
    const file = join(folder, name);
    const isThere = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return file;
  }
  return undefined;
}

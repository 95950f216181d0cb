import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { networkFiles } from './container-config.ts';
import type { Command, Engine, Run } from './engine.ts';
import { mountPointsOf } from './mount-points.ts';
import { childrenOf } from './process-identity.ts';
import { makeRootFolder, type MountPoint } from './root-folder.ts';
import { openUserNamespace } from './user-namespace.ts';

/** Bytes; as a container has it. */
const tmpBytes = 256 * 2 ** 20;
const runBytes = 64 * 2 ** 20;

type Programs = { readonly bwrap: string; readonly setpriv: string | undefined };

/** By bwrap: namespaces of its own, no capability, no environment of ours. All its arguments go by a file: they hold the app's environment. */
export function sandboxEngine(programs: Programs): Engine {
  return {
    prepare: async (run) => {
      await writeFile(join(run.folder, 'arguments'), (await argumentsOf(run)).join('\0'), { mode: 0o600 });
      return commandOf(programs, run, run.record.spec.args, 'started');
    },
    prepareBeside: (run, args, token) => commandOf(programs, run, args, token),
    mainProcess: (started) => childrenOf(firstProcess(started) ?? 0)[0] ?? null,
    lastProcess: firstProcess,
    // Killed with its parent by the kernel.
    sweep: () => Promise.resolve(),
  };
}

/** bwrap says so in JSON; that is the first process of the namespace, the app's is its child. */
function firstProcess(started: string): number | null {
  const pid = /"child-pid": (\d+)/.exec(started)?.[1];
  return pid === undefined ? null : Number(pid);
}

async function commandOf(
  { bwrap, setpriv }: Programs,
  { record: { spec }, group }: Run,
  args: readonly string[],
  token: string,
): Promise<Command> {
  const descriptor = await foreignNamespace(spec.user);
  const groups =
    spec.user.groups.length === 0 ? ['--clear-groups'] : ['--groups', spec.user.groups.join(',')];
  const asMember = isRoot() && setpriv !== undefined ? [setpriv, ...groups] : [];
  const user = ['--uid', String(spec.user.uid), '--gid', String(spec.user.gid)];
  const namespace = descriptor ? ['--userns', '3'] : ['--unshare-user', '--disable-userns'];
  return {
    args: [...asMember, bwrap, ...namespace, ...user, '--json-status-fd', '4', '--args', '5', '--', ...args],
    redirections: `</dev/null 4>>${token} 5<arguments`,
    groups: group.folders,
    descriptor,
  };
}

function isRoot(): boolean {
  return process.geteuid?.() === 0;
}

/** bwrap alone would run it as root of the machine under another number. */
async function foreignNamespace(user: Run['record']['spec']['user']) {
  return isRoot() && (user.uid !== 0 || user.gid !== 0) ? openUserNamespace(user) : undefined;
}

async function argumentsOf({ record: { spec }, folder }: Run): Promise<string[]> {
  const own: MountPoint[] = ['/proc', '/dev', '/tmp', '/run'].map((target) => ({ target, kind: 'folder' }));
  const network = spec.network === 'host' ? networkFiles : [];
  const files: MountPoint[] = network.map((target) => ({ target, kind: 'file' }));
  const points = [...own, ...files, ...(await mountPointsOf(spec))];
  const root = await makeRootFolder(spec.rootfs, points, join(folder, 'root'));
  return [
    ...['--unshare-ipc', '--unshare-pid', '--unshare-uts', '--unshare-cgroup-try', '--cap-drop', 'ALL'],
    ...(spec.network === 'none' ? ['--unshare-net'] : []),
    ...['--die-with-parent', '--new-session', '--hostname', spec.app],
    ...['--ro-bind', root.path, '/'],
    ...root.binds.flatMap(({ source, target }) => ['--ro-bind', source, target]),
    ...['--proc', '/proc', '--dev', '/dev'],
    ...['--perms', '1777', '--size', String(tmpBytes), '--tmpfs', '/tmp'],
    ...['--size', String(runBytes), '--tmpfs', '/run'],
    ...network.flatMap((path) => ['--ro-bind-try', path, root.placeOf(path)]),
    ...spec.mounts.flatMap(({ source, target, readOnly }) => [
      readOnly ? '--ro-bind' : '--bind',
      source,
      root.placeOf(target),
    ]),
    ...['--chdir', spec.cwd, '--clearenv'],
    ...spec.env.flatMap(setVariable),
  ];
}

function setVariable(entry: string): string[] {
  const at = entry.indexOf('=');
  return at <= 0 ? [] : ['--setenv', entry.slice(0, at), entry.slice(at + 1)];
}

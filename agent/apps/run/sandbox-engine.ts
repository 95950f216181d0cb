import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LaunchSpec } from '../ports.ts';
import { networkFiles, readonlyPaths } from './container-config.ts';
import type { Command, Engine, Run } from './engine.ts';
import { mountPointsOf } from './mount-points.ts';
import { childrenOf, listsChildren } from './process-identity.ts';
import { makeRootFolder, type MountPoint } from './root-folder.ts';
import { StagedSources, stagedCommand } from './staged-sources.ts';
import { openUserNamespace } from './user-namespace.ts';

/** Bytes; as a container has it. */
const tmpBytes = 256 * 2 ** 20;
const runBytes = 64 * 2 ** 20;

type Programs = { readonly bwrap: string; readonly setpriv: string | undefined };

/** By bwrap: namespaces of its own, no capability, no environment of ours. All its arguments go by a file: they hold the app's environment. */
export function sandboxEngine(programs: Programs): Engine {
  return {
    prepare: async (run) => {
      await writeArguments(run);
      return commandOf(programs, run, run.record.spec.args, 'started');
    },
    prepareBeside: (run, args, token) => commandOf(programs, run, args, token),
    // Its process is there before its mounts are; the app's own process is made when all that is done.
    hasStarted: (started) =>
      started.includes('"exit-code"') ||
      appProcess(started) !== null ||
      (firstProcess(started) !== null && !listsChildren()),
    mainProcess: appProcess,
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

function appProcess(started: string): number | null {
  return childrenOf(firstProcess(started) ?? 0)[0] ?? null;
}

async function commandOf(
  { bwrap, setpriv }: Programs,
  { record: { spec }, group, folder }: Run,
  args: readonly string[],
  token: string,
): Promise<Command> {
  const { uid, gid, groups } = spec.user;
  const isForeign = isAnothers(spec.user);
  const members = groups.length === 0 ? ['--clear-groups'] : ['--groups', groups.join(',')];
  const namespace = isForeign ? ['--userns', '3'] : ['--unshare-user', '--disable-userns'];
  const command = [
    ...(isRoot() && setpriv !== undefined ? [setpriv, ...members] : []),
    ...[bwrap, ...namespace, '--uid', String(uid), '--gid', String(gid)],
    ...['--json-status-fd', '4', '--args', '5', '--', ...args],
  ];
  return {
    args: isForeign ? await stagedCommand(folder, command) : command,
    redirections: `</dev/null 4>>${token} 5<arguments`,
    groups: group.folders,
    // bwrap alone would run it as root of the machine under another number.
    descriptor: isForeign ? await openUserNamespace(spec.user) : undefined,
  };
}

function isRoot(): boolean {
  return process.geteuid?.() === 0;
}

/** Whether an agent that is root runs it as somebody else. */
function isAnothers({ uid, gid }: LaunchSpec['user']): boolean {
  return isRoot() && (uid !== 0 || gid !== 0);
}

async function writeArguments({ record: { spec }, folder }: Run): Promise<void> {
  const network = spec.network === 'host' ? networkFiles : [];
  const points: MountPoint[] = [
    ...['/proc', '/dev', '/tmp', '/run'].map((target) => ({ target, kind: 'folder' }) as const),
    ...network.map((target) => ({ target, kind: 'file' }) as const),
    ...(await mountPointsOf(spec)),
  ];
  const root = makeRootFolder(spec.rootfs, points, join(folder, 'root'));
  const staged = new StagedSources();
  const sourceOf = (path: string): string => (isAnothers(spec.user) ? staged.pathOf(path) : path);
  const args = [
    ...['--unshare-ipc', '--unshare-pid', '--unshare-uts', '--unshare-cgroup-try', '--cap-drop', 'ALL'],
    ...(spec.network === 'none' ? ['--unshare-net'] : []),
    ...['--die-with-parent', '--new-session', '--hostname', spec.app],
    ...['--ro-bind', sourceOf(root.path), '/'],
    ...root.binds.flatMap(({ source, target }) => ['--ro-bind', sourceOf(source), target]),
    ...['--proc', root.placeOf('/proc'), '--dev', root.placeOf('/dev')],
    // bwrap leaves out what looks unwritable by its folder; files in it belong to root, which a sandbox may run as.
    ...readonlyPaths.flatMap((path) => ['--ro-bind-try', path, path]),
    // Else whoever runs in it may fill the machine's memory by files there.
    ...['--perms', '1777', '--size', String(runBytes), '--tmpfs', `${root.placeOf('/dev')}/shm`],
    ...['--remount-ro', root.placeOf('/dev')],
    ...['--perms', '1777', '--size', String(tmpBytes), '--tmpfs', root.placeOf('/tmp')],
    ...['--size', String(runBytes), '--tmpfs', root.placeOf('/run')],
    ...network.flatMap((path) => ['--ro-bind-try', path, root.placeOf(path)]),
    ...spec.mounts.flatMap(({ source, target, readOnly }) => [
      ...[readOnly ? '--ro-bind' : '--bind', sourceOf(source), root.placeOf(target)],
    ]),
    ...['--chdir', spec.cwd, '--clearenv', ...spec.env.flatMap(setVariable)],
  ];
  await writeFile(join(folder, 'arguments'), args.map((arg) => `${arg}\0`).join(''), { mode: 0o600 });
  await staged.save(folder);
}

function setVariable(entry: string): string[] {
  const at = entry.indexOf('=');
  return at <= 0 ? [] : ['--setenv', entry.slice(0, at), entry.slice(at + 1)];
}

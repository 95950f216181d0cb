import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LaunchSpec } from '../ports.ts';
import { containerConfig, containerProcess, networkFiles } from './container-config.ts';
import type { Engine, Run } from './engine.ts';
import { cannotStart } from './find-program.ts';
import { makeRootFolder, type MountPoint } from './root-folder.ts';
import { mountPointsOf } from './mount-points.ts';
import { runToEnd } from './run-to-end.ts';

/** Deleting a container that is gone takes milliseconds; a loaded machine gets more. */
const sweepTimeoutMs = 30_000;

/** By an OCI runtime, runc or crun: its `run` stays in the foreground as long as the container lives. */
export function containerEngine(runtime: string, kind: 'runc' | 'crun'): Engine {
  // Its state is in the instance's folder: it goes with it, and nobody else's containers are in it.
  const stateOf = ({ folder }: Run) => join(folder, 'runtime');
  // crun leaves control groups to us; runc insists on one of its own below ours.
  const flags = kind === 'crun' ? ['--cgroup-manager', 'disabled'] : [];
  const runtimeArgs = (run: Run) => [runtime, ...flags, '--root', stateOf(run)];
  const groupsOf = ({ group }: Run) => (kind === 'crun' ? group.folders : []);
  return {
    prepare: async (run) => {
      await writeConfig(run);
      const { id } = run.record;
      const args = [...runtimeArgs(run), 'run', '--bundle', run.folder, '--pid-file', 'started', id];
      return { args, redirections: '</dev/null', groups: groupsOf(run) };
    },
    prepareBeside: async (run, args, token) => {
      const { spec, id } = run.record;
      await writeJson(join(run.folder, `${token}.json`), containerProcess(spec, args, spec.cwd));
      const files = ['--process', join(run.folder, `${token}.json`), '--pid-file', join(run.folder, token)];
      const command = [...runtimeArgs(run), 'exec', ...files, id];
      return { args: command, redirections: '</dev/null', groups: groupsOf(run) };
    },
    hasStarted: (started) => started !== '',
    mainProcess: processOf,
    // The first of its process namespace takes all others with it.
    lastProcess: processOf,
    sweep: async (run) => {
      const args = [...flags, '--root', stateOf(run), 'delete', '--force', run.record.id];
      await runToEnd(runtime, args, { timeoutMs: sweepTimeoutMs });
    },
  };
}

function processOf(started: string): number | null {
  return /^\d+$/.test(started) ? Number(started) : null;
}

async function writeConfig({ folder, record, group }: Run): Promise<void> {
  const { spec } = record;
  const rootless = ownIds();
  if (rootless !== null && (spec.user.uid !== 0 || spec.user.gid !== 0)) throw onlyRoot(spec);
  const own: MountPoint[] = ['/proc', '/dev', '/sys', '/tmp', '/run'].map((target) => ({
    target,
    kind: 'folder',
  }));
  const files: MountPoint[] =
    spec.network === 'host' ? networkFiles.map((target) => ({ target, kind: 'file' })) : [];
  const points = [...own, ...files, ...(await mountPointsOf(spec))];
  const root = makeRootFolder(spec.rootfs, points, join(folder, 'root'));
  const cgroupsPath = `${group.path}/container`;
  await writeJson(join(folder, 'config.json'), containerConfig(spec, { root, cgroupsPath, rootless }));
}

/** Without helpers of the machine an agent that is not root can map one user: itself, as the container's root. */
function onlyRoot(spec: LaunchSpec): Error {
  const user = `${spec.user.uid}:${spec.user.gid}`;
  return cannotStart(
    spec,
    `an agent that is not root cannot run a container as user ${user}; root, isolation: sandbox and process go`,
  );
}

function ownIds(): { uid: number; gid: number } | null {
  const [uid, gid] = [process.geteuid?.() ?? 0, process.getegid?.() ?? 0];
  return uid === 0 ? null : { uid, gid };
}

async function writeJson(path: string, value: unknown): Promise<void> {
  await writeFile(path, JSON.stringify(value), { mode: 0o600 });
}

import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LaunchSpec } from '../ports.ts';
import { checkReach } from './check-reach.ts';
import type { Command, Engine, Run } from './engine.ts';
import { cannotStart, findProgram } from './find-program.ts';
import { insidePath } from './inside-path.ts';
import { marker, startScript } from './start-script.ts';

/** `setpriv`: undefined where there is none: then nobody but the agent's own user can be had. */
export function processEngine(setpriv: string | undefined): Engine {
  const prepare = async (run: Run, program: string, args: readonly string[], token: string) => {
    const { folder, record, group } = run;
    const { spec } = record;
    if (process.geteuid?.() === 0) await checkReach(spec, program);
    const script = startScript(record, (await insidePath(spec, spec.cwd)) ?? spec.rootfs);
    await writeFile(join(folder, `${token}.sh`), script, { mode: 0o600 });
    return {
      args: [...privileges(spec, setpriv), '/bin/sh', '-s', '--', program, ...args],
      redirections: `<${token}.sh 4>>${token}`,
      groups: group.folders,
    } satisfies Command;
  };
  return {
    prepare: (run, program) => prepare(run, program, run.record.spec.args.slice(1), 'started'),
    prepareBeside: async (run, args, token) => {
      const program = await findProgram({ ...run.record.spec, args });
      return prepare(run, program, args.slice(1), token);
    },
    hasStarted: (started) => started !== '',
    mainProcess: processOf,
    lastProcess: processOf,
    sweep: ({ record }) => endMarked(record.id),
  };
}

function processOf(started: string): number | null {
  const pid = Number.parseInt(started, 10);
  return pid > 0 ? pid : null;
}

/** From here on nothing gives it rights again: no set-uid program either. */
function privileges(spec: LaunchSpec, setpriv: string | undefined): string[] {
  const { uid, gid, groups } = spec.user;
  const isRoot = process.geteuid?.() === 0;
  const isSwitched = isRoot && (uid !== 0 || gid !== 0);
  if (setpriv === undefined) {
    if (!isSwitched) return [];
    throw cannotStart(spec, `user ${uid}:${gid} cannot be had without setpriv (apt install util-linux)`);
  }
  if (!isSwitched) return [setpriv, '--no-new-privs'];
  const member = groups.length === 0 ? ['--clear-groups'] : ['--groups', groups.join(',')];
  return [setpriv, '--no-new-privs', '--reuid', String(uid), '--regid', String(gid), ...member];
}

/** Where there are no control groups: by the variable that all of its processes have inherited. */
async function endMarked(id: string): Promise<void> {
  const sought = Buffer.from(`${marker}=${id}\0`);
  for (let rounds = 0; rounds < 100; rounds += 1) {
    const found = await markedProcesses(sought);
    if (found.length === 0) return;
    for (const pid of found) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended, or is another user's by now: the next look tells.
      }
    }
    await sleep(10);
  }
}

async function markedProcesses(sought: Buffer): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir('/proc').catch(() => [])) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const environment = await readFile(`/proc/${name}/environ`).catch(() => undefined);
    if (environment?.includes(sought)) found.push(pid);
  }
  return found;
}

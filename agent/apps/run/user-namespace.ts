import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, writeFile, type FileHandle } from 'node:fs/promises';
import { AgentError } from '../../errors.ts';

/** A process that holds the namespace until its standard input ends; no further one can be made in it. */
const holder = 'echo 0 >/proc/sys/user/max_user_namespaces; echo; read -r end';
const timeoutMs = 30_000;

/**
 * For root: a user namespace in which this user and these groups are themselves and nobody else is. The caller closes it. Rejects with
 * `startFailed` where the kernel does not allow it.
 */
export async function openUserNamespace(user: {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}): Promise<FileHandle> {
  const child = spawn('unshare', ['--user', 'sh', '-c', holder], {
    stdio: ['pipe', 'pipe', 'ignore'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    env: { PATH: process.env.PATH },
  });
  const ended = once(child, 'close').catch(() => undefined);
  try {
    const said = await Promise.race([once(child.stdout, 'data').then(() => true), ended.then(() => false)]);
    if (!said) throw new Error('unshare --user fails');
    const gids = [...new Set([user.gid, ...user.groups])];
    await writeFile(`/proc/${child.pid ?? 0}/uid_map`, line(user.uid));
    await writeFile(`/proc/${child.pid ?? 0}/gid_map`, gids.map(line).join(''));
    return await open(`/proc/${child.pid ?? 0}/ns/user`, 'r');
  } catch (cause) {
    throw new AgentError('startFailed', `Cannot make a user namespace for user ${user.uid}:${user.gid}`, {
      cause,
      hint: 'Does this machine allow user namespaces (sysctl user.max_user_namespaces)?',
    });
  } finally {
    child.stdin.destroy();
    await ended;
  }
}

function line(id: number): string {
  return `${id} ${id} 1\n`;
}

import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { LaunchSpec } from '../ports.ts';
import { cannotStart } from './find-program.ts';

/**
 * An app without a root of its own finds its program where the agent has it: rejects with `startFailed` when a folder on the way there is
 * closed to its user, which a shell would tell less clearly.
 */
export async function checkReach(spec: LaunchSpec, program: string): Promise<void> {
  for (let folder = dirname(program); ; folder = dirname(folder)) {
    if (!(await mayEnter(spec.user, folder))) {
      const user = `${spec.user.uid}:${spec.user.gid}`;
      throw cannotStart(
        spec,
        `user ${user} may not enter ${folder}, where its program is; a container or sandbox may`,
      );
    }
    if (folder === dirname(folder)) return;
  }
}

async function mayEnter({ uid, gid, groups }: LaunchSpec['user'], folder: string): Promise<boolean> {
  if (uid === 0) return true;
  const { mode, uid: owner, gid: group } = await stat(folder);
  if (owner === uid) return (mode & 0o100) !== 0;
  return (mode & (group === gid || groups.includes(group) ? 0o010 : 0o001)) !== 0;
}

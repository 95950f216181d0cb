import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Something of the machine that a test needs: a program's name, or a thing with a way to try it. */
export type Peer = string | { readonly name: string; readonly probe: readonly [string, ...string[]] };

/** Not given to ordinary users everywhere, even where the program is. */
export const mountNamespaces: Peer = {
  name: 'mount namespaces',
  probe: ['unshare', '--map-root-user', '--mount', 'true'],
};

/** Whether a third-party program is on the PATH, or a probe succeeds. */
export function hasPeer(peer: Peer): boolean {
  if (typeof peer === 'string') return isOnPath(peer);
  const [program, ...args] = peer.probe;
  return spawnSync(program, args).status === 0;
}

/** Looked up here: asking a shell for it takes a process as large as a test worker a tenth of a second, for each test that needs it. */
function isOnPath(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

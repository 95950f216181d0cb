import { spawnSync } from 'node:child_process';

/** Something of the machine that a test needs: a program's name, or a thing with a way to try it. */
export type Peer = string | { readonly name: string; readonly probe: readonly [string, ...string[]] };

/** Not given to ordinary users everywhere, even where the program is. */
export const mountNamespaces: Peer = {
  name: 'mount namespaces',
  probe: ['unshare', '--map-root-user', '--mount', 'true'],
};

/** Whether a third-party program is on the PATH, or a probe succeeds. */
export function hasPeer(peer: Peer): boolean {
  const [program, ...args] =
    typeof peer === 'string' ? (['sh', '-c', 'command -v "$1"', 'sh', peer] as const) : peer.probe;
  return spawnSync(program, args).status === 0;
}

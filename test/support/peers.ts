import { spawnSync } from 'node:child_process';
import { test } from '@jest/globals';

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

/** A test that needs third-party programs: skipped, with the reason in its name, where one is missing. */
export function peerTest(peers: readonly Peer[], sentence: string, body: () => Promise<void>): void {
  const missing = peers
    .filter((peer) => !hasPeer(peer))
    .map((peer) => (typeof peer === 'string' ? peer : peer.name));
  if (missing.length === 0) test(sentence, body);
  else test.skip(`${sentence} (needs ${missing.join(', ')}: run scripts/peers)`, body);
}

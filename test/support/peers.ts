import { test } from '@jest/globals';
import { hasPeer, type Peer } from './has-peer.ts';

export { hasPeer, mountNamespaces, type Peer } from './has-peer.ts';

/** A test that needs third-party programs: skipped, with the reason in its name, where one is missing. */
export function peerTest(
  peers: readonly Peer[],
  sentence: string,
  body: () => Promise<void>,
  timeoutMs?: number,
): void {
  const missing = peers
    .filter((peer) => !hasPeer(peer))
    .map((peer) => (typeof peer === 'string' ? peer : peer.name));
  if (missing.length === 0) test(sentence, body, timeoutMs);
  else test.skip(`${sentence} (needs ${missing.join(', ')}: run scripts/peers)`, body);
}

import { join } from 'node:path';
import { sweepTemporaries } from '../lib/atomic-write.ts';
import { lockFolder } from '../lib/folder-lock.ts';
import { makeFolder } from '../lib/make-folder.ts';
import { AgentError } from './errors.ts';
import { StateStore } from './reconcile/state-store.ts';
import type { Logger } from '../lib/logger.ts';

/** Makes `root` when it is missing and takes it for this process alone. Rejects with 'locked'. */
export async function takeRoot(root: string): Promise<Disposable> {
  await makeFolder(root, { mode: 0o700 });
  const lock = lockFolder(root);
  if (!lock) {
    throw new AgentError('locked', `Another agent is running on ${root}`, {
      hint: 'Stop it first, or give this one a folder of its own with --root.',
    });
  }
  // What a kill -9 left half-written, a private key perhaps.
  for (const folder of ['.', 'data', 'identity', 'manifests', join('vault', 'memory')])
    await sweepTemporaries(join(root, folder));
  return lock;
}

export function openState(
  root: string,
  logger: Logger,
  onRecovered: () => void = () => undefined,
): Promise<StateStore> {
  return StateStore.open(join(root, 'state.json'), (reason) => {
    logger.warn('state.recovered', { reason });
    onRecovered();
  });
}

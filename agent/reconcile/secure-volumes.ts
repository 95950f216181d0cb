import type { Machine } from '../../manifests/index.ts';
import { AgentError } from '../errors.ts';
import { usersOf } from './affected.ts';
import type { Runner, VolumeVault } from './ports.ts';
import type { SecuredData } from './state-schema.ts';

export type Securing = {
  readonly runner: Pick<Runner, 'halt'>;
  readonly vault: VolumeVault;
  /** What runs. */
  readonly machine: Machine;
  readonly volumes: readonly string[];
  readonly signal: AbortSignal;
};

/**
 * Stops the apps that have these volumes and snapshots them. The apps stay stopped, also when this rejects. A first snapshot is
 * taken while they still run: it finds out whether the vault can be reached, and leaves little for the one that they wait for.
 */
export async function secureVolumes({
  runner,
  vault,
  machine,
  volumes,
  signal,
}: Securing): Promise<SecuredData> {
  if (volumes.length === 0) return {};
  for (const volume of volumes) await vault.snapshot(volume, { signal });
  signal.throwIfAborted();
  await runner.halt(usersOf(machine, volumes));
  const secured: SecuredData = {};
  for (const volume of volumes) {
    const { id, problems } = await vault.snapshot(volume, { signal });
    if (problems > 0) throw notWhole(volume, id, problems);
    secured[volume] = id;
  }
  return secured;
}

function notWhole(volume: string, id: string, problems: number): AgentError {
  return new AgentError(
    'notSecured',
    `The volume ${volume} cannot be secured before the update: its snapshot ${id.slice(0, 8)} lacks ${problems} files that could not be read`,
    { hint: 'Make them readable, exclude them, or give the volume beforeUpdate: false.' },
  );
}

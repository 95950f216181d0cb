import type { KeySlotStatus } from '../../agent/control/vault-protocol.ts';
import { listSlots } from '../../cloud-sync/vault/keys/key-slots.ts';
import { plural } from '../plural.ts';
import { printable } from '../printable.ts';
import type { Run } from '../run.ts';
import { formatTable } from '../table.ts';
import { openAgentVault } from './agent-vault.ts';
import { openAt } from './open-vault.ts';
import { shortId, shortTime } from './snapshot-text.ts';
import { repositoryLocation, type VaultOptions } from './vault-options.ts';

/** The key slots of the repository of the options, or of the agent's, oldest first. */
export async function listKeys(run: Run, options: VaultOptions): Promise<void> {
  const slots = await readKeys(run, options);
  run.out.result({ slots }, () => `${formatKeys(slots)}\n${plural(slots.length, 'key slot')}`);
}

export async function readKeys(run: Run, options: VaultOptions): Promise<readonly KeySlotStatus[]> {
  const { signal } = run;
  const location = repositoryLocation(run, options);
  if (location === undefined) {
    await using agent = await openAgentVault(run);
    return await agent.vault.keys(signal);
  }
  const { repository, slot } = await openAt(run, location, options);
  await using opened = repository;
  const slots = await listSlots(opened.backend, { signal });
  return slots.map((one) => ({ ...one, inUse: one.name === slot }));
}

/** What a slot says of itself is a stranger's text. */
export function formatKeys(slots: readonly KeySlotStatus[]): string {
  const rows = slots.map(({ name, kind, user, host, created, inUse }) => [
    ...[shortId(name), kind, printable(host), printable(user), shortTime(created), inUse ? 'in use' : ''],
  ]);
  return formatTable(['SLOT', 'KIND', 'HOST', 'USER', 'MADE (UTC)', ''], rows);
}

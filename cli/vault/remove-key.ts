import { removeSlot } from '../../cloud-sync/vault/keys/key-slots.ts';
import { confirm } from '../confirm.ts';
import { CliError } from '../errors.ts';
import type { Run } from '../run.ts';
import { openAgentVault } from './agent-vault.ts';
import { formatKeys, readKeys } from './list-keys.ts';
import { openAt } from './open-vault.ts';
import { shortId } from './snapshot-text.ts';
import { repositoryLocation, type VaultOptions } from './vault-options.ts';

export type RemoveKeyOptions = VaultOptions & { readonly yes?: true };

/** Removes the slot of this name, or of the only one that begins so. */
export async function removeKey(run: Run, options: RemoveKeyOptions, text: string): Promise<void> {
  if (!options.yes) await ask(run, options, text);
  const { signal } = run;
  const location = repositoryLocation(run, options);
  if (location === undefined) {
    await using agent = await openAgentVault(run);
    const slots = await agent.vault.removeKey(text, signal);
    run.out.result({ slots }, () => `Removed the key slot. Left are:\n${formatKeys(slots)}`);
    return;
  }
  const { repository, slot } = await openAt(run, location, options);
  await using opened = repository;
  const removed = await removeSlot(opened, text, { inUse: slot, signal });
  run.out.result({ removed }, () => `Removed the key slot ${shortId(removed.name)} (${removed.kind}).`);
}

async function ask(run: Run, options: RemoveKeyOptions, text: string): Promise<void> {
  const slots = await readKeys(run, options);
  const matches = slots.filter(({ name }) => name.startsWith(text));
  if (matches.length === 0)
    throw new CliError('notFound', `There is no key slot ${text}.`, {
      hint: `There are: ${slots.map(({ name }) => shortId(name)).join(', ')}.`,
    });
  run.out.note(formatKeys(matches));
  await confirm(run, 'Nobody can open the repository with this slot any more. Remove it?', {});
}

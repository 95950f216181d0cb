import type { Command } from 'commander';
import { CliError } from '../../errors.ts';
import { confirm } from '../../confirm.ts';
import { examples } from '../../options.ts';
import { action, type Run, type Surroundings } from '../../run.ts';
import { openAgentVault } from '../../vault/agent-vault.ts';

type Options = { readonly yes?: true; readonly fingerprint?: string };

export function registerTrustOwner(vault: Command, surroundings: Surroundings): void {
  vault
    .command('trust-owner')
    .description(
      'Accept the owner key that the manifest names now: its passphrase will open the snapshots of this device.',
    )
    .option('--fingerprint <text>', 'Accept it only if it has this fingerprint.')
    .option('-y, --yes', 'Do not ask.')
    .addHelpText(
      'after',
      examples('holdfast vault trust-owner', 'holdfast vault trust-owner --fingerprint "1f2e 3d4c …" --yes'),
    )
    .action(action(surroundings, trustOwner));
}

async function trustOwner(run: Run, options: Options): Promise<void> {
  await using agent = await openAgentVault(run);
  const { owner } = await agent.vault.status(run.signal);
  const offered = owner?.offered ?? null;
  if (offered === null)
    throw new CliError('notFound', 'The manifest of this device offers no other owner key.', {
      hint: owner?.fingerprint
        ? `It trusts ${owner.fingerprint}.`
        : 'Deploy a machine file with vault.owner.',
    });
  if (options.fingerprint !== undefined && digitsOf(options.fingerprint) !== digitsOf(offered))
    throw new CliError('refusedKey', `The manifest offers ${offered}, not ${options.fingerprint}.`, {
      hint: 'Somebody may have exchanged the key: look at the manifest and who deployed it.',
    });
  run.out.note(
    `The manifest offers the owner key\n\n    ${offered}\n\nWho has its passphrase will read every snapshot of this device.`,
  );
  await confirm(run, 'Compare it with what deploy showed. Trust it?', options);
  const fingerprint = await agent.vault.trustOwner(offered, run.signal);
  run.out.result({ fingerprint }, () =>
    [
      `This device trusts the owner key ${fingerprint}.`,
      'The owner before still has a key slot: holdfast vault key list, and with a grant holdfast vault key remove SLOT.',
    ].join('\n'),
  );
}

function digitsOf(fingerprint: string): string {
  return fingerprint.toLowerCase().replaceAll(/[^0-9a-f]/g, '');
}

import type { Command } from 'commander';
import type { VaultGrant } from '../../../cloud-sync/protocol/vault.ts';
import { openCloud } from '../../cloud.ts';
import { CliError } from '../../errors.ts';
import { examples, parseDurationUpTo, parseName } from '../../options.ts';
import { action, type Run, type Surroundings } from '../../run.ts';
import { shortTime } from '../../vault/snapshot-text.ts';

type Options = { readonly for?: number; readonly end?: true };

export function registerGrant(vault: Command, surroundings: Surroundings): void {
  vault
    .command('grant')
    .description(
      "Let files be removed from a device's vault in the cloud for a time: forget and prune need it.",
    )
    .argument('<device>', 'The device.', parseName)
    .option('--for <duration>', 'How long, at most 7d.', parseDurationUpTo(7))
    .option('--end', 'End a grant now.')
    .addHelpText(
      'after',
      examples('holdfast vault grant greenhouse-7 --for 1h', 'holdfast vault grant greenhouse-7 --end'),
    )
    .action(action(surroundings, grant));
}

async function grant(run: Run, options: Options, device: string): Promise<void> {
  const { for: forMs, end } = options;
  if ((forMs === undefined) === (end === undefined))
    throw new CliError('usage', 'Give either --for DURATION or --end.');
  await using cloud = await openCloud(run);
  const request = forMs === undefined ? null : { forMs };
  const given = await cloud.call((client) => client.grantVault(device, request, { signal: run.signal }));
  run.out.result({ device, grant: given }, () => `${device}: ${describeGrant(given)}`);
}

export function describeGrant(grant: VaultGrant | null): string {
  if (grant === null) return 'append-only: nothing but locks may be removed.';
  return `files may be removed until ${shortTime(grant.untilMs)} UTC (granted by ${grant.by}).`;
}

import type { Command } from 'commander';
import type { VaultUsage } from '../../../cloud-sync/protocol/vault.ts';
import { openCloud } from '../../cloud.ts';
import { CliError } from '../../errors.ts';
import { grouped } from '../../grouped.ts';
import { examples, parseBytes, parseName } from '../../options.ts';
import { formatBytes } from '../../progress.ts';
import { action, type Run, type Surroundings } from '../../run.ts';
import { formatTable } from '../../table.ts';
import { shortTime } from '../../vault/snapshot-text.ts';
import { describeGrant } from './grant.ts';

type Options = { readonly quota?: number | 'none'; readonly defaultQuota?: true };

export function registerUsage(vault: Command, surroundings: Surroundings): void {
  vault
    .command('usage')
    .description("What a device's vault takes in the cloud, its quota, and whether a grant is open.")
    .argument('<device>', 'The device.', parseName)
    .option(
      '--quota <size>',
      'Give it a quota of its own first, such as 100GiB; none for no end.',
      parseQuota,
    )
    .option('--default-quota', "Give it the cloud's default quota again first.")
    .addHelpText(
      'after',
      examples('holdfast vault usage greenhouse-7', 'holdfast vault usage greenhouse-7 --quota 100GiB'),
    )
    .action(action(surroundings, usage));
}

async function usage(run: Run, { quota, defaultQuota }: Options, device: string): Promise<void> {
  if (quota !== undefined && defaultQuota)
    throw new CliError('usage', 'Give --quota or --default-quota, not both.');
  const { signal } = run;
  await using cloud = await openCloud(run);
  if (quota !== undefined || defaultQuota) {
    const wanted = quota === undefined ? null : { quotaBytes: quota === 'none' ? null : quota };
    await cloud.call((client) => client.setVaultQuota(device, wanted, { signal }));
  }
  const value = await cloud.call((client) => client.vault(device, { signal }));
  run.out.result(value, () => formatUsage(value));
}

function formatUsage({ device, bytes, quotaBytes, files, newestReceivedMs, grant }: VaultUsage): string {
  const share = quotaBytes === null ? '' : ` (${((100 * bytes) / quotaBytes).toFixed(1)} %)`;
  const of = quotaBytes === null ? ', without a quota' : ` of ${formatBytes(quotaBytes)}${share}`;
  const newest = newestReceivedMs === null ? 'no snapshot yet' : `${shortTime(newestReceivedMs)} UTC`;
  const rows = Object.entries(files).map(([type, { count, bytes: size }]) => [
    ...[type, grouped(count), formatBytes(size)],
  ]);
  return [
    `${device}: ${formatBytes(bytes)}${of}`,
    `newest snapshot: ${newest}`,
    describeGrant(grant),
    ...(rows.length === 0 ? [] : ['', formatTable(['FILES', 'COUNT', 'SIZE'], rows)]),
  ].join('\n');
}

function parseQuota(text: string): number | 'none' {
  return text === 'none' ? 'none' : parseBytes(text);
}

import type { Command } from 'commander';
import type { ShadowList } from '../../../cloud-sync/protocol/shadow.ts';
import { openCloud } from '../../cloud.ts';
import { examples, parseName } from '../../options.ts';
import { action, type Run, type Surroundings } from '../../run.ts';
import { formatTable } from '../../table.ts';

export function registerList(shadows: Command, surroundings: Surroundings): void {
  shadows
    .command('ls')
    .alias('list')
    .description('List the shadows of a device, by name.')
    .argument('<device>', 'The device.', parseName)
    .addHelpText(
      'after',
      examples('holdfast shadow ls greenhouse-7', 'holdfast shadow ls greenhouse-7 --json'),
    )
    .action(action(surroundings, list));
}

async function list(run: Run, _: unknown, device: string): Promise<void> {
  await using cloud = await openCloud(run);
  const shadows = await cloud.call((client) => client.shadows(device, { signal: run.signal }));
  run.out.result({ device, shadows }, () => format(device, shadows));
}

function format(device: string, shadows: ShadowList['shadows']): string {
  if (shadows.length === 0)
    return `${device} has no shadows yet. Make one: holdfast shadow set ${device} NAME --desired '{"on": true}'`;
  const rows = shadows.map(({ name, version, timestamp }) => [
    name,
    String(version),
    new Date(timestamp * 1000).toISOString(),
  ]);
  return formatTable(['SHADOW', 'VERSION', 'CHANGED'], rows);
}

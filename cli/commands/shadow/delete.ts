import type { Command } from 'commander';
import { openCloud } from '../../cloud.ts';
import { examples, parseName } from '../../options.ts';
import { action, type Run, type Surroundings } from '../../run.ts';
import { explainConflict, parseShadowName, parseVersion } from './shadow-options.ts';

type Options = { readonly ifVersion?: number };

export function registerDelete(shadows: Command, surroundings: Surroundings): void {
  shadows
    .command('delete')
    .alias('rm')
    .description('Delete a shadow, in the cloud and on the device.')
    .argument('<device>', 'The device.', parseName)
    .argument('<name>', 'The shadow.', parseShadowName)
    .option('--if-version <number>', 'Only if the shadow has this version.', parseVersion)
    .addHelpText(
      'after',
      examples(
        'holdfast shadow delete greenhouse-7 lamp',
        'holdfast shadow delete greenhouse-7 lamp --if-version 3',
      ),
    )
    .action(action(surroundings, remove));
}

async function remove(
  run: Run,
  { ifVersion: version }: Options,
  device: string,
  name: string,
): Promise<void> {
  await using cloud = await openCloud(run);
  // Not repeated: a second one would say that there is none.
  const answer = cloud.once((client) => client.deleteShadow(device, name, { version, signal: run.signal }));
  await (version === undefined ? answer : explainConflict({ device, name, version }, answer));
  run.out.result({ device, name, deleted: true }, () => `Deleted the shadow ${name} of ${device}.`);
}

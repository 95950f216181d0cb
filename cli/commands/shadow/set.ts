import type { Command } from 'commander';
import type { ControlPlaneClient } from '../../../cloud-sync/protocol/control-plane-client.ts';
import type { ShadowPatch } from '../../../cloud-sync/protocol/shadow.ts';
import { openCloud } from '../../cloud.ts';
import { CliError } from '../../errors.ts';
import { examples, parseName } from '../../options.ts';
import { action, type Run, type Surroundings } from '../../run.ts';
import { documentText } from './document-text.ts';
import {
  explainConflict,
  parseSection,
  parseShadowName,
  parseVersion,
  readSection,
  type GivenSection,
} from './shadow-options.ts';

type Options = {
  readonly desired?: GivenSection;
  readonly desiredFile?: string;
  readonly reported?: GivenSection;
  readonly reportedFile?: string;
  readonly ifVersion?: number;
};

export function registerSet(shadows: Command, surroundings: Surroundings): void {
  shadows
    .command('set')
    .description('Change a shadow, or make it. Objects merge, null takes away, arrays are replaced whole.')
    .argument('<device>', 'The device.', parseName)
    .argument('<name>', 'The shadow.', parseShadowName)
    .option('--desired <json>', 'What the device should be.', parseSection)
    .option('--desired-file <file>', 'The same from a file; - is stdin.')
    .option('--reported <json>', 'What the device is said to be; otherwise the device says it.', parseSection)
    .option('--reported-file <file>', 'The same from a file; - is stdin.')
    .option(
      '--if-version <number>',
      'Only if the shadow has this version; 0: only if there is none.',
      parseVersion,
    )
    .addHelpText(
      'after',
      examples(
        `holdfast shadow set greenhouse-7 lamp --desired '{"on": true, "level": 5}'`,
        `holdfast shadow set greenhouse-7 lamp --desired '{"level": null}' --if-version 3`,
        'holdfast shadow set greenhouse-7 lamp --desired-file lamp.json',
      ),
    )
    .action(action(surroundings, set));
}

async function set(run: Run, options: Options, device: string, name: string): Promise<void> {
  const { ifVersion: version } = options;
  const body = { state: await stateOf(run, options), ...(version !== undefined && { version }) };
  await using cloud = await openCloud(run);
  // A merge may be made twice; one on condition would find its own version there.
  const update = (client: ControlPlaneClient) =>
    client.updateShadow(device, name, { body, signal: run.signal });
  const document =
    version === undefined
      ? await cloud.call(update)
      : await explainConflict({ device, name, version }, cloud.once(update));
  run.out.result(document, () => documentText(document));
}

async function stateOf({ io }: Run, options: Options): Promise<ShadowPatch['state']> {
  const { desired, desiredFile, reported, reportedFile } = options;
  if (desired !== undefined && desiredFile !== undefined) throw twice('desired');
  if (reported !== undefined && reportedFile !== undefined) throw twice('reported');
  if (desiredFile === '-' && reportedFile === '-')
    throw new CliError('usage', 'Only one of --desired-file and --reported-file can be stdin.');
  const given = {
    desired: desiredFile === undefined ? desired : await readSection(io, desiredFile),
    reported: reportedFile === undefined ? reported : await readSection(io, reportedFile),
  };
  if (!given.desired && !given.reported)
    throw new CliError('usage', 'Nothing to change: give --desired, --reported, or a file of one of them.');
  return { desired: given.desired?.section, reported: given.reported?.section };
}

const twice = (section: string): CliError =>
  new CliError('usage', `Give --${section} or --${section}-file, not both.`);

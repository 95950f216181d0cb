import type { Command } from 'commander';
import { confirm } from '../../confirm.ts';
import { CliError } from '../../errors.ts';
import { examples, parseName } from '../../options.ts';
import { plural } from '../../plural.ts';
import { formatBytes } from '../../progress.ts';
import { action, type Run, type Surroundings } from '../../run.ts';
import { connect, findStream } from './find-stream.ts';

type Options = { readonly yes?: true };

export function registerRemove(streams: Command, surroundings: Surroundings): void {
  streams
    .command('rm')
    .alias('remove')
    .description('Drop what a stream holds that the manifest has no more.')
    .argument('<stream>', 'Its name in the manifest before.', parseName)
    .option('--yes', 'Do not ask.')
    .addHelpText('after', examples('holdfast stream rm weather', 'holdfast stream rm weather --yes'))
    .action(action(surroundings, remove));
}

async function remove(run: Run, options: Options, name: string): Promise<void> {
  await using agent = await connect(run);
  const { removed, messages, bytes } = await findStream(run, agent, name);
  if (removed === false)
    throw new CliError('exists', `${name} is in the manifest of this device.`, {
      hint: 'Take it out of the manifest and deploy that; what it still holds can be removed then.',
    });
  // Nobody is asked to confirm what the agent refuses.
  await agent.streams.checkRemoval(name, run.signal);
  run.out.note(`${name} holds ${plural(messages, 'message')}, ${formatBytes(bytes)}.`);
  await confirm(run, 'Drop them for good?', options);
  const count = await agent.streams.remove(name, run.signal);
  run.out.result({ stream: name, removed: count }, () => `Dropped ${plural(count, 'message')} of ${name}.`);
}

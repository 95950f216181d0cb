import type { Command } from 'commander';
import { openCloud } from '../../cloud.ts';
import { examples, parseName } from '../../options.ts';
import { action, type Run, type Surroundings } from '../../run.ts';
import { documentText } from './document-text.ts';
import { parseShadowName } from './shadow-options.ts';

export function registerGet(shadows: Command, surroundings: Surroundings): void {
  shadows
    .command('get')
    .description('Print a shadow: what is desired, what is reported, what differs, and when it was set.')
    .argument('<device>', 'The device.', parseName)
    .argument('<name>', 'The shadow.', parseShadowName)
    .addHelpText(
      'after',
      examples(
        'holdfast shadow get greenhouse-7 lamp',
        'holdfast shadow get greenhouse-7 lamp --json | jq .state.delta',
      ),
    )
    .action(action(surroundings, get));
}

async function get(run: Run, _: unknown, device: string, name: string): Promise<void> {
  await using cloud = await openCloud(run);
  const document = await cloud.call((client) => client.shadow(device, name, { signal: run.signal }));
  run.out.result(document, () => documentText(document));
}

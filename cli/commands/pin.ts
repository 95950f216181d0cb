import type { Command } from 'commander';
import { agentRoot } from '../context.ts';
import { examples, parseGeneration } from '../options.ts';
import { action, type Run, type Surroundings } from '../run.ts';

export function registerPin(program: Command, surroundings: Surroundings): void {
  program
    .command('pin')
    .description('Keep a generation of this device on disk, whatever comes after it.')
    .argument('<generation>', 'See holdfast generations.', parseGeneration)
    .addHelpText('after', examples('holdfast pin 12'))
    .action(action(surroundings, (run, _options: object, generation: number) => pin(run, 'pin', generation)));
  program
    .command('unpin')
    .description('Let a generation go again when newer ones need its place.')
    .argument('<generation>', 'See holdfast generations.', parseGeneration)
    .addHelpText('after', examples('holdfast unpin 12'))
    .action(
      action(surroundings, (run, _options: object, generation: number) => pin(run, 'unpin', generation)),
    );
}

async function pin(run: Run, verb: 'pin' | 'unpin', generation: number): Promise<void> {
  const { ControlClient } = await import('../../agent/control/client.ts');
  await using agent = ControlClient.forRoot(agentRoot(run));
  const pinned = await agent.generations[verb](generation, run.signal);
  run.out.result({ pinned }, () =>
    pinned.length === 0 ? 'Nothing is pinned.' : `Pinned: ${pinned.join(', ')}`,
  );
}

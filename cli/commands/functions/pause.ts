import type { Command } from 'commander';
import { agentRoot } from '../../context.ts';
import { examples, parseName, parseReason } from '../../options.ts';
import { action, type Run, type Surroundings } from '../../run.ts';

export function registerPause(functions: Command, surroundings: Surroundings): void {
  functions
    .command('pause')
    .description(
      'Let a function rest: its events wait, calls are refused. Over restarts, until it is resumed.',
    )
    .argument('<function>', 'Its name in the manifest.', parseName)
    .option('--reason <text>', 'Why, for whoever looks at the status; at most 200 characters.', parseReason)
    .addHelpText('after', examples('holdfast functions pause to-celsius --reason "sensor is being replaced"'))
    .action(action(surroundings, pause));
  functions
    .command('resume')
    .description('Let a paused function run again; one beyond its budget too, until the next midnight UTC.')
    .argument('<function>', 'Its name in the manifest.', parseName)
    .addHelpText('after', examples('holdfast functions resume to-celsius'))
    .action(action(surroundings, resume));
}

async function pause(run: Run, { reason }: { readonly reason?: string }, name: string): Promise<void> {
  const { ControlClient } = await import('../../../agent/control/client.ts');
  await using agent = ControlClient.forRoot(agentRoot(run));
  await agent.pauseFunction(name, reason, run.signal);
  run.out.result({ function: name, paused: true }, () => `Paused ${name}.`);
}

async function resume(run: Run, _: object, name: string): Promise<void> {
  const { ControlClient } = await import('../../../agent/control/client.ts');
  await using agent = ControlClient.forRoot(agentRoot(run));
  await agent.resumeFunction(name, run.signal);
  run.out.result({ function: name, paused: false }, () => `Resumed ${name}.`);
}

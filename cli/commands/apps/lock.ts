import { Option, type Command } from 'commander';
import { agentRoot } from '../../context.ts';
import { examples, parseDurationUpTo, parseName, parseReason } from '../../options.ts';
import { printable } from '../../printable.ts';
import { action, type Run, type Surroundings } from '../../run.ts';

type Options = { readonly reason?: string; readonly for: number };

const hourMs = 3_600_000;

export function registerLock(apps: Command, surroundings: Surroundings): void {
  apps
    .command('lock')
    .description('Hold updates of this device back for a time, as an app does by its file update.lock.')
    .argument('<app>', 'Its name in the manifest.', parseName)
    .option('--reason <text>', 'Why, for whoever waits for the update; at most 200 characters.', parseReason)
    .addOption(
      new Option('--for <duration>', 'How long, at most 7d.')
        .argParser(parseDurationUpTo(7))
        .default(hourMs, '1h'),
    )
    .addHelpText('after', examples('holdfast apps lock press --reason "batch 7 is running" --for 3h'))
    .action(action(surroundings, lock));
  apps
    .command('unlock')
    .description('Take back what apps lock did. A file of the app stays.')
    .argument('<app>', 'Its name in the manifest.', parseName)
    .addHelpText('after', examples('holdfast apps unlock press'))
    .action(action(surroundings, unlock));
}

async function lock(run: Run, { reason, for: ttlMs }: Options, name: string): Promise<void> {
  const { ControlClient } = await import('../../../agent/control/client.ts');
  await using agent = ControlClient.forRoot(agentRoot(run));
  const until = new Date(Date.now() + ttlMs).toISOString();
  await agent.apps.lock(name, { reason, ttlMs }, run.signal);
  run.out.result({ app: name, locked: true, until }, () => `${name} holds updates back until ${until}.`);
}

async function unlock(run: Run, _: object, name: string): Promise<void> {
  const { ControlClient } = await import('../../../agent/control/client.ts');
  await using agent = ControlClient.forRoot(agentRoot(run));
  await agent.apps.unlock(name, run.signal);
  const left = (await agent.apps.locks(run.signal)).find(({ app }) => app === name);
  run.out.result({ app: name, locked: left !== undefined, reason: left?.reason ?? null }, () =>
    left
      ? `${name} still holds updates back by its file: ${printable(left.reason)}`
      : `${name} holds nothing back.`,
  );
}

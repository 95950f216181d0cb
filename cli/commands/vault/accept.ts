import type { Command } from 'commander';
import { confirm } from '../../confirm.ts';
import { examples } from '../../options.ts';
import { action, type Run, type Surroundings } from '../../run.ts';
import { openAgentVault } from '../../vault/agent-vault.ts';

type Options = { readonly yes?: true };

export function registerAccept(vault: Command, surroundings: Surroundings): void {
  vault
    .command('accept')
    .description(
      'Go on with what the store has now, though it lacks snapshots, or the repository, that were there before.',
    )
    .option('-y, --yes', 'Do not ask.')
    .addHelpText('after', examples('holdfast vault accept', 'holdfast vault accept --yes'))
    .action(action(surroundings, accept));
}

async function accept(run: Run, options: Options): Promise<void> {
  await using agent = await openAgentVault(run);
  const { repository, volumes } = await agent.vault.status(run.signal);
  const problems = Object.entries(volumes).flatMap(([name, { failure }]) =>
    failure?.code === 'stale' ? [`    ${name}: ${failure.message}`] : [],
  );
  if (problems.length > 0) run.out.note(['What is missing:', ...problems, ''].join('\n'));
  await confirm(run, 'Do you know why it is gone, and shall the device go on without it?', options);
  await agent.vault.acceptState(run.signal);
  const location = repository?.location ?? null;
  run.out.result(
    { location },
    () => `The device goes on with what is in ${location ?? 'its repository'} now.`,
  );
}

import type { Command } from 'commander';
import { confirm } from '../../confirm.ts';
import { examples } from '../../options.ts';
import { action, type Run, type Surroundings } from '../../run.ts';
import { openAgentVault } from '../../vault/agent-vault.ts';

export function registerAccept(vault: Command, surroundings: Surroundings): void {
  vault
    .command('accept')
    .description(
      'Go on with what the store has now, after snapshots or the repository went missing from it on purpose.',
    )
    .option('-y, --yes', 'Do not ask.')
    .addHelpText('after', examples('holdfast vault accept'))
    .action(action(surroundings, accept));
}

async function accept(run: Run, options: { readonly yes?: true }): Promise<void> {
  await using agent = await openAgentVault(run);
  const { repository } = await agent.vault.status(run.signal);
  await confirm(
    run,
    `This device will not miss any more what ${repository?.location ?? 'its store'} has lost. Accept it?`,
    options,
  );
  await agent.vault.acceptState(run.signal);
  run.out.result(
    { accepted: true },
    () => 'The next snapshot goes on from what the store has now: holdfast snapshot.',
  );
}

import type { Command } from 'commander';
import { examples } from '../../options.ts';
import { action, type Run, type Surroundings } from '../../run.ts';
import { openAgentVault } from '../../vault/agent-vault.ts';
import { repositoryLocation, withVault, type VaultOptions } from '../../vault/vault-options.ts';

export function registerStatus(vault: Command, surroundings: Surroundings): void {
  withVault(
    vault
      .command('status')
      .description(
        'Where snapshots go, when each volume had its last and gets its next, what failed; with --repository what is in it.',
      ),
  )
    .addHelpText(
      'after',
      examples('holdfast vault status', 'holdfast vault status --repository /mnt/backup --json'),
    )
    .action(action(surroundings, status));
}

async function status(run: Run, options: VaultOptions): Promise<void> {
  if (repositoryLocation(run, options) !== undefined) {
    const { describeRepository } = await import('../../vault/describe-repository.ts');
    return describeRepository(run, options);
  }
  await using agent = await openAgentVault(run);
  const [{ formatVaultStatus }, value] = await Promise.all([
    import('../../vault/vault-status-text.ts'),
    agent.vault.status(run.signal),
  ]);
  run.out.result(value, () => formatVaultStatus(run.out, value, Date.now()));
}

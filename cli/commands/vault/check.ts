import { InvalidArgumentError, type Command } from 'commander';
import { examples } from '../../options.ts';
import { action, type Surroundings } from '../../run.ts';
import { withVault } from '../../vault/vault-options.ts';
import type { CheckOptions, ReadData } from '../../vault/check-vault.ts';

export function registerCheck(vault: Command, surroundings: Surroundings): void {
  withVault(
    vault
      .command('check')
      .description('Verify the repository: every snapshot has all it needs. Names exactly what is damaged.'),
  )
    .option(
      '--read-data [n/m]',
      'Also read and verify every byte; 2/7 reads the second of seven parts.',
      parseReadData,
    )
    .addHelpText(
      'after',
      examples(
        'holdfast vault check',
        'holdfast vault check --read-data',
        'holdfast vault check --read-data 2/7      # a part each day',
      ),
    )
    .action(
      action(surroundings, async (run, options: CheckOptions) => {
        const { checkVault } = await import('../../vault/check-vault.ts');
        await checkVault(run, options);
      }),
    );
}

function parseReadData(text: string): ReadData {
  const [, part, of] = (/^([1-9][0-9]{0,3})\/([1-9][0-9]{0,3})$/.exec(text) ?? []).map(Number);
  if (part === undefined || of === undefined || part > of)
    throw new InvalidArgumentError('Give a part of how many, such as 2/7.');
  return { part, of };
}

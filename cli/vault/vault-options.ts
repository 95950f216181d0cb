import type { Command } from 'commander';
import { CliError } from '../errors.ts';
import type { Run } from '../run.ts';
import { setting } from '../setting.ts';

/** How a command reaches a repository: the agent's own, or any restic repository that `--repository` names. */
export type VaultOptions = {
  readonly repository?: string;
  readonly passwordFile?: string;
  readonly passphraseFile?: string;
  readonly recoveryCodeFile?: string;
  readonly machineFile?: string;
  readonly cacert?: string;
};

export function withVault(command: Command): Command {
  return command
    .option(
      '--repository <location>',
      "A restic repository: a folder, rest:https://…, cloud:DEVICE (default: $HOLDFAST_REPOSITORY, else the agent's own).",
    )
    .option('--password-file <file>', 'Its password (or $HOLDFAST_VAULT_PASSWORD, or a prompt).')
    .option('--passphrase-file <file>', 'Open it by the owner passphrase instead (or $HOLDFAST_PASSPHRASE).')
    .option('--recovery-code-file <file>', 'Open it by the recovery code instead; - reads stdin.')
    .option('--machine-file <file>', 'The machine file, whose vault.owner the passphrase opens.')
    .option('--cacert <file>', 'The CA of a REST server that is not publicly trusted.');
}

/** Where the repository is when it is not the agent's: `--repository`, else HOLDFAST_REPOSITORY. Throws 'usage' for `--repository ''`. */
export function repositoryLocation({ io: { env } }: Run, { repository }: VaultOptions): string | undefined {
  // Of a script whose variable is not set; it would be the folder that it runs in.
  if (repository === '')
    throw new CliError('usage', '--repository is empty.', {
      hint: 'Name a folder, rest:https://… or cloud:DEVICE; this folder is --repository .',
    });
  return repository ?? setting(env, 'HOLDFAST_REPOSITORY');
}

import type { Command } from 'commander';
import { CliError } from '../errors.ts';
import { examples } from '../options.ts';
import { askSecret } from '../passphrase.ts';
import { action, type Run, type Surroundings } from '../run.ts';

export function registerHashPassword(program: Command, surroundings: Surroundings): void {
  program
    .command('hash-password')
    .description('Hash the password of a local MQTT client for clients.NAME.password of a manifest.')
    .addHelpText(
      'after',
      examples('holdfast hash-password', 'printf %s "$PASSWORD" | holdfast hash-password'),
    )
    .action(action(surroundings, hashPassword));
}

async function hashPassword(run: Run): Promise<void> {
  const password = await askSecret(run, 'Password: ');
  if (password === '') {
    throw new CliError('usage', 'The password is empty.', { hint: 'Type one, or pipe it in on stdin.' });
  }
  const passwords = await import('../../lib/password.ts');
  const hash = await passwords.hashPassword(password);
  run.out.result({ hash }, () => hash);
}

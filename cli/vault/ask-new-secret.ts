import { CliError } from '../errors.ts';
import { askSecret } from '../passphrase.ts';
import type { Run } from '../run.ts';

/** Asks twice on a terminal; piped stdin is taken as it is. Never empty. */
export async function askNewSecret(run: Run, what: string): Promise<string> {
  const first = await askSecret(run, `New ${what}: `);
  if (first === '') throw new CliError('noPassphrase', `The new ${what} is empty.`);
  if (!run.io.stdin.isTTY || (await askSecret(run, `The same again: `)) === first) return first;
  throw new CliError('noPassphrase', `The two are not the same.`, {
    hint: 'Nothing was changed. Try again.',
  });
}

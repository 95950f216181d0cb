import type { VaultSecret } from '../../cloud-sync/vault/keys/open-vault.ts';
import { CliError } from '../errors.ts';
import { readInput } from '../files.ts';
import { askSecret } from '../passphrase.ts';
import type { Run } from '../run.ts';
import { numberedWords } from './recovery-code-text.ts';
import { locationText } from './location-text.ts';
import type { VaultOptions } from './vault-options.ts';

const maxBytes = 4096;

/**
 * What opens a key slot: from the one option given, else HOLDFAST_VAULT_PASSWORD, else HOLDFAST_PASSPHRASE; undefined when there is none
 * of them. The last line break of a file is not part of it.
 */
export async function givenSecret(run: Run, options: VaultOptions): Promise<VaultSecret | undefined> {
  const { passwordFile, passphraseFile, recoveryCodeFile } = options;
  if ([passwordFile, passphraseFile, recoveryCodeFile].filter((file) => file !== undefined).length > 1)
    throw new CliError('usage', 'Give one of --password-file, --passphrase-file and --recovery-code-file.');
  if (passwordFile !== undefined)
    return { kind: 'password', text: await readSecret(run, passwordFile, 'password file') };
  if (passphraseFile !== undefined)
    return { kind: 'passphrase', text: await readSecret(run, passphraseFile, 'passphrase file') };
  if (recoveryCodeFile !== undefined) return readRecoveryCode(run, recoveryCodeFile);
  const { HOLDFAST_VAULT_PASSWORD: password, HOLDFAST_PASSPHRASE: passphrase } = run.io.env;
  if (password) return { kind: 'password', text: password };
  return passphrase ? { kind: 'passphrase', text: passphrase } : undefined;
}

/** The same, asked for on the terminal when it is not given. Rejects with 'noPassphrase' where nobody can be asked. */
export async function vaultSecret(run: Run, options: VaultOptions, location: string): Promise<VaultSecret> {
  const given = await givenSecret(run, options);
  if (given !== undefined) return given;
  if (!run.io.stdin.isTTY)
    throw new CliError('noPassphrase', `The repository ${locationText(location)} needs its password.`, {
      hint: 'Give --password-file FILE, --passphrase-file FILE or --recovery-code-file FILE, or set HOLDFAST_VAULT_PASSWORD.',
    });
  const text = await askSecret(run, `Password of ${locationText(location)}: `);
  if (text === '') throw new CliError('noPassphrase', 'The password is empty.');
  return { kind: 'password', text };
}

/** The words alone, or the whole sheet as it was printed. */
export async function readRecoveryCode(run: Run, file: string): Promise<VaultSecret> {
  const text = await readSecret(run, file, 'recovery code file');
  return { kind: 'recoveryCode', text: numberedWords(text) ?? text };
}

export async function readSecret(run: Run, file: string, what: string): Promise<string> {
  const secret = (await readInput(run.io, file, { what, maxBytes })).replace(/\r?\n$/, '');
  if (secret !== '') return secret;
  throw new CliError('noPassphrase', `The ${what} ${file} is empty.`);
}

import { parseRecoveryCode } from '../../cloud-sync/vault/keys/recovery-code.ts';
import { CliError } from '../errors.ts';
import { readInput } from '../files.ts';
import { askSecret } from '../passphrase.ts';
import type { Run } from '../run.ts';
import type { VaultOptions } from './vault-options.ts';

/** What opens a key slot. */
export type VaultSecret =
  | { readonly kind: 'password'; readonly password: string }
  | { readonly kind: 'passphrase'; readonly passphrase: string }
  | { readonly kind: 'recoveryCode'; readonly code: string };

const maxBytes = 4096;

/**
 * From the one option given, else HOLDFAST_VAULT_PASSWORD, else HOLDFAST_PASSPHRASE; undefined when there is none of them. The last
 * line break of a file is not part of it.
 */
export async function givenSecret(run: Run, options: VaultOptions): Promise<VaultSecret | undefined> {
  const { passwordFile, passphraseFile, recoveryCodeFile } = options;
  if ([passwordFile, passphraseFile, recoveryCodeFile].filter((file) => file !== undefined).length > 1)
    throw new CliError('usage', 'Give one of --password-file, --passphrase-file and --recovery-code-file.');
  if (passwordFile !== undefined)
    return { kind: 'password', password: await readSecret(run, passwordFile, 'password file') };
  if (passphraseFile !== undefined)
    return { kind: 'passphrase', passphrase: await readSecret(run, passphraseFile, 'passphrase file') };
  if (recoveryCodeFile !== undefined)
    return { kind: 'recoveryCode', code: await readSecret(run, recoveryCodeFile, 'recovery code file') };
  const { HOLDFAST_VAULT_PASSWORD: password, HOLDFAST_PASSPHRASE: passphrase } = run.io.env;
  if (password) return { kind: 'password', password };
  return passphrase ? { kind: 'passphrase', passphrase } : undefined;
}

/** The same, asked for on the terminal when it is not given. Rejects with 'noPassphrase' where nobody can be asked. */
export async function vaultSecret(run: Run, options: VaultOptions, location: string): Promise<VaultSecret> {
  const given = await givenSecret(run, options);
  if (given !== undefined) return given;
  if (!run.io.stdin.isTTY)
    throw new CliError('noPassphrase', `The repository ${location} needs its password.`, {
      hint: 'Give --password-file FILE, --passphrase-file FILE or --recovery-code-file FILE, or set HOLDFAST_VAULT_PASSWORD.',
    });
  const password = await askSecret(run, `Password of ${location}: `);
  if (password === '') throw new CliError('noPassphrase', 'The password is empty.');
  return { kind: 'password', password };
}

export async function readSecret(run: Run, file: string, what: string): Promise<string> {
  const secret = (await readInput(run.io, file, { what, maxBytes })).replace(/\r?\n$/, '');
  if (secret !== '') return secret;
  throw new CliError('noPassphrase', `The ${what} ${file} is empty.`);
}

/** The password of the slot that the secret is for. Throws `wrongPassphrase` for words that are no recovery code. */
export function slotPassword(secret: VaultSecret): string {
  switch (secret.kind) {
    case 'password':
      return secret.password;
    case 'passphrase':
      return secret.passphrase;
    case 'recoveryCode':
      return parseRecoveryCode(numberedWords(secret.code) ?? secret.code);
    default:
      return secret satisfies never;
  }
}

/** The words of the sheet as it was printed, with everything around them; undefined unless each number from 1 to 24 stands there once. */
export function numberedWords(text: string): string | undefined {
  const found = [...text.matchAll(/(?<![\d-])(\d{1,2})[.:)]?[ \t]+([a-z]{3,8})(?![a-z])/gi)];
  const words = new Map(found.map(([, number, word]) => [Number(number), word]));
  const inOrder = Array.from({ length: 24 }, (_, at) => words.get(at + 1));
  if (found.length !== 24 || inOrder.includes(undefined)) return undefined;
  return inOrder.join(' ');
}

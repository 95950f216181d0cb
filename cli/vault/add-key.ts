import { hostname, userInfo } from 'node:os';
import { addSlot } from '../../cloud-sync/vault/keys/key-slots.ts';
import { createRecoveryCode } from '../../cloud-sync/vault/keys/recovery-code.ts';
import { readDevice } from '../../agent/read-device.ts';
import { agentRoot } from '../context.ts';
import { CliError } from '../errors.ts';
import type { Run } from '../run.ts';
import { openAgentVault } from './agent-vault.ts';
import { askNewSecret } from './ask-new-secret.ts';
import { openAt } from './open-vault.ts';
import { formatRecoverySheet } from './recovery-code-text.ts';
import { shortId } from './snapshot-text.ts';
import { locationText } from './location-text.ts';
import { repositoryLocation, type VaultOptions } from './vault-options.ts';
import { readSecret } from './vault-secret.ts';

export type AddKeyOptions = VaultOptions & {
  readonly passphrase?: true;
  readonly newPassphraseFile?: string;
  readonly recoveryCode?: true;
  readonly newPasswordFile?: string;
};

type NewKey =
  { readonly kind: 'passphrase' | 'password'; readonly text: string } | { readonly kind: 'recovery' };
type Added = { readonly name: string; readonly recoveryCode?: string | undefined };

/** Adds a key slot to the repository of the options, or to the agent's. A recovery code is printed this once. */
export async function addKey(run: Run, options: AddKeyOptions): Promise<void> {
  const key = await newKey(run, options);
  const location = repositoryLocation(run, options);
  const { name, recoveryCode } =
    location === undefined ? await addThere(run, key) : await addHere(run, { options, location, key });
  const result = { slot: name, kind: key.kind, ...(recoveryCode !== undefined && { recoveryCode }) };
  if (recoveryCode === undefined) {
    run.out.result(result, () => `Added the key slot ${shortId(name)} (${key.kind}).`);
    return;
  }
  const whose = location === undefined ? await ownVault(run) : there(location);
  const date = new Date().toISOString().slice(0, 10);
  const words = recoveryCode.split(' ');
  run.out.result(result, () => formatRecoverySheet({ ...whose, words, slot: shortId(name), date }));
}

/** Whose vault a sheet is for, and where: it is read when the device is lost. */
type Whose = { readonly of: string; readonly where: string };

function there(location: string): Whose {
  const text = locationText(location);
  return { of: text, where: text };
}

/** The code is made by then: it must be shown, whatever cannot be read. */
async function ownVault(run: Run): Promise<Whose> {
  try {
    const { identity, machine } = await readDevice(agentRoot(run));
    const where = locationText(machine.vault?.repository ?? `cloud:${identity.device}`);
    return { of: `the vault of ${identity.device}`, where };
  } catch {
    return { of: 'the vault of this device', where: 'LOCATION' };
  }
}

async function newKey(run: Run, options: AddKeyOptions): Promise<NewKey> {
  const { passphrase, newPassphraseFile, recoveryCode, newPasswordFile } = options;
  const given = [passphrase, newPassphraseFile, recoveryCode, newPasswordFile];
  if (given.filter((one) => one !== undefined).length !== 1)
    throw new CliError(
      'usage',
      'Say for what: --passphrase, --new-passphrase-file FILE, --recovery-code or --new-password-file FILE.',
    );
  if (recoveryCode) return { kind: 'recovery' };
  if (newPasswordFile !== undefined)
    return { kind: 'password', text: await readSecret(run, newPasswordFile, 'new password file') };
  const text =
    newPassphraseFile === undefined
      ? await askNewSecret(run, 'passphrase')
      : await readSecret(run, newPassphraseFile, 'new passphrase file');
  return { kind: 'passphrase', text };
}

async function addThere(run: Run, key: NewKey): Promise<Added> {
  await using agent = await openAgentVault(run);
  if (key.kind === 'recovery') return await agent.vault.addRecoveryCode(run.signal);
  // A passphrase slot opens with stock restic as a password slot does: the kind is what lists show.
  return await agent.vault.addPassphrase(key.text, run.signal);
}

type Place = { readonly options: AddKeyOptions; readonly location: string; readonly key: NewKey };

async function addHere(run: Run, { options, location, key }: Place): Promise<Added> {
  const { signal } = run;
  const { repository } = await openAt(run, location, options);
  await using opened = repository;
  const who = { user: userInfo().username, host: hostname() };
  if (key.kind !== 'recovery')
    return { name: await addSlot(opened, { ...who, kind: key.kind, password: key.text }, { signal }) };
  const recoveryCode = createRecoveryCode();
  const name = await addSlot(opened, { ...who, kind: 'recovery', password: recoveryCode }, { signal });
  return { name, recoveryCode };
}

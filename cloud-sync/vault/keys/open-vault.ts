import { isCodedError, type CodedError } from '../../../lib/coded-error.ts';
import { SyncError } from '../../errors.ts';
import type { CallOptions, VaultBackend } from '../backend/backend.ts';
import { unwrapKey } from '../format/key-file.ts';
import { openRepositoryWithKey } from '../open-repository.ts';
import type { Repository } from '../repository.ts';
import { readSlot, readSlots, type KeySlotKind, type StoredSlot } from './key-slots.ts';
import { parseRecoveryCode } from './recovery-code.ts';

/** What someone has that opens a repository. */
export type VaultSecret =
  | { readonly kind: 'device' | 'passphrase' | 'password'; readonly text: string }
  /** As it was typed. */
  | { readonly kind: 'recoveryCode'; readonly text: string };

export type OpenVaultOptions = CallOptions & {
  readonly secret: VaultSecret;
  /** The name of the slot that it opened before: tried first, whatever else there is. */
  readonly slot?: string | undefined;
  /** `vault.owner` of the machine file: with it a passphrase opens the slots that devices sealed to it. */
  readonly ownerKey?: string | undefined;
  /** Called each time that the derivation of a key has begun: it takes a while, on another thread. */
  readonly onDeriving?: (() => void) | undefined;
};

export type OpenedVault = {
  readonly repository: Repository;
  /** The name of the slot that opened it. */
  readonly slot: string;
};

/**
 * Opens a repository, which disposes of the backend, by any of its key slots. Rejects with `noRepository`, `wrongPassphrase` when
 * no slot opens, `badKeyFile` when the owner key or all slots are damaged, `corrupt`, `damaged` when its config is lost.
 */
export async function openVault(
  backend: VaultBackend,
  { secret, slot, ownerKey, onDeriving, signal }: OpenVaultOptions,
): Promise<OpenedVault> {
  const before = slot === undefined ? undefined : await readSlot(backend, slot, { signal });
  const again = before && (await openFirst(backend, attemptsOf([before], secret), { onDeriving, signal }));
  if (again) return again;
  const slots = inOrder(await readSlots(backend, { signal }));
  if (slots.length === 0) throw noRepository(backend);
  const sealed = secret.kind === 'passphrase' && slots.some(({ kind }) => kind === 'owner');
  const byOwner =
    sealed && ownerKey !== undefined
      ? await openByOwner(backend, slots, { ownerKey, secret, onDeriving, signal })
      : undefined;
  return byOwner ?? openByPassword(backend, slots, { secret, onDeriving, signal });
}

type Opening = Pick<OpenVaultOptions, 'secret' | 'onDeriving' | 'signal'>;
type Attempt = { readonly slot: StoredSlot; readonly password: string };

async function openByOwner(
  backend: VaultBackend,
  slots: readonly StoredSlot[],
  { ownerKey, secret, ...options }: Opening & { readonly ownerKey: string },
): Promise<OpenedVault | undefined> {
  // With it come all of libsodium's functions.
  const { openOwnerKey } = await import('./owner-key.ts');
  const owner = await openOwnerKey(ownerKey, secret.text).catch(unlessWrong);
  const attempts = slots.flatMap((slot): Attempt[] => {
    const password = slot.sealed && owner?.unseal(slot.sealed);
    return password ? [{ slot, password: password.toString('utf8') }] : [];
  });
  return openFirst(backend, attempts, options);
}

/** Those that the store took first, for what came later may have been added to keep others out; else the newest. */
function inOrder(slots: readonly StoredSlot[]): StoredSlot[] {
  return slots.toReversed().sort((a, b) => (a.receivedMs ?? 0) - (b.receivedMs ?? 0));
}

/** In their order, those that say that they are of this kind before the others. */
async function openByPassword(
  backend: VaultBackend,
  slots: readonly StoredSlot[],
  { secret, ...options }: Opening,
): Promise<OpenedVault> {
  const opened = await openFirst(backend, attemptsOf(candidates(slots, secret), secret), options);
  if (opened) return opened;
  throw refused(backend, secret);
}

function attemptsOf(slots: readonly StoredSlot[], secret: VaultSecret): Attempt[] {
  const passwords = passwordsOf(secret);
  return slots.flatMap((slot) => passwords.map((password) => ({ slot, password })));
}

function candidates(slots: readonly StoredSlot[], { kind }: VaultSecret): StoredSlot[] {
  const own: KeySlotKind = kind === 'recoveryCode' ? 'recovery' : kind;
  const first = slots.filter((slot) => slot.kind === own);
  // What a slot says of itself is not authenticated: one that was altered still opens, later.
  const rest = kind === 'device' ? [] : slots.filter((slot) => slot.kind !== own && slot.kind !== 'owner');
  return [...first, ...rest];
}

function passwordsOf({ kind, text }: VaultSecret): readonly string[] {
  if (kind === 'recoveryCode') return [parseRecoveryCode(text)];
  // As typed, for restic takes it so; and as another keyboard would have typed it.
  return [...new Set([text, text.normalize('NFKC')])];
}

/** Undefined when no password fits; rejects with `corrupt` when one does and the config does not open by it. */
async function openFirst(
  backend: VaultBackend,
  attempts: readonly Attempt[],
  { onDeriving, signal }: Omit<Opening, 'secret'>,
): Promise<OpenedVault | undefined> {
  let damaged: CodedError | undefined;
  for (const { slot, password } of attempts) {
    signal.throwIfAborted();
    const deriving = unwrapKey(slot.bytes, password);
    onDeriving?.();
    const key = await deriving.catch(unlessWrong);
    if (!key) continue;
    try {
      return { repository: await openRepositoryWithKey(backend, { key, signal }), slot: slot.name };
    } catch (error) {
      // A creation that was cut short leaves keys of another master key: the next one may fit.
      if (!isCodedError(error) || error.code !== 'corrupt') throw error;
      damaged = error;
    }
  }
  if (damaged) throw damaged;
  return undefined;
}

function unlessWrong(error: unknown): undefined {
  if (isCodedError(error) && (error.code === 'wrongPassphrase' || error.code === 'badKeyFile')) return;
  throw error;
}

const words: Readonly<Record<VaultSecret['kind'], { what: string; hint: string }>> = {
  device: {
    what: 'The key of this device opens no slot',
    hint: 'Its slot was removed, or this is the repository of another machine: name another one under vault.repository, or restore.',
  },
  passphrase: {
    what: 'The passphrase opens no key slot',
    hint: 'Type the passphrase chosen at the first deploy, with the machine file of this machine; or use a recovery code.',
  },
  password: { what: 'The password opens no key slot', hint: 'Try another password of the repository.' },
  recoveryCode: {
    what: 'The recovery code opens no key slot',
    hint: 'It may be of another repository, or its slot was removed.',
  },
};

function refused({ location }: VaultBackend, { kind }: VaultSecret): SyncError {
  const { what, hint } = words[kind];
  return new SyncError('wrongPassphrase', `${what} of the repository in ${location}`, { hint });
}

function noRepository({ location }: VaultBackend): SyncError {
  return new SyncError('noRepository', `There is no repository in ${location}, or all its keys are gone`, {
    hint: 'Check the location.',
  });
}

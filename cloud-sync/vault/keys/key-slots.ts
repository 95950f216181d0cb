import { SyncError } from '../../errors.ts';
import type { CallOptions, VaultBackend } from '../backend/backend.ts';
import { secretCost } from '../format/key-cost.ts';
import { parseKeyFile, wrapKey, type KeyFile } from '../format/key-file.ts';
import type { MasterKey } from '../format/master-key.ts';
import type { NamedFile } from '../format/stored-name.ts';
import { inParallel } from '../in-parallel.ts';
import { readKeyFile } from '../open-repository.ts';
import type { Repository } from '../repository.ts';

/** Keys that restic made, or that say nothing of themselves, are 'password'. */
export type KeySlotKind = 'device' | 'owner' | 'passphrase' | 'recovery' | 'password';

/** As its file tells it: nothing of this is authenticated. */
export type KeySlot = {
  /** SHA-256 of its file. */
  readonly name: string;
  readonly kind: KeySlotKind;
  readonly user: string;
  readonly host: string;
  /** RFC 3339 */
  readonly created: string;
};

export type StoredSlot = KeySlot & {
  readonly bytes: Buffer;
  readonly sealed?: Buffer;
  /** When the store took it, by its own clock, in milliseconds since 1970; null where it does not say. */
  readonly receivedMs: number | null;
};

/** More are not looked at, but for one that is named: each may cost seconds to try. */
const maxSlots = 100;
const filesAtOnce = 8;

/** The key slots of a repository, oldest first; files that are none are left out. */
export async function listSlots(backend: VaultBackend, options: CallOptions): Promise<KeySlot[]> {
  const slots = await readSlots(backend, options);
  return slots.map(({ bytes: _bytes, sealed: _sealed, receivedMs: _receivedMs, ...slot }) => slot);
}

/**
 * The same with what they hold. Of many, those that the store took first: who can only add cannot put others in front of them.
 */
export async function readSlots(backend: VaultBackend, { signal }: CallOptions): Promise<StoredSlot[]> {
  const listed = await backend.list('keys', { signal });
  const first = listed.sort((a, b) => (a.receivedMs ?? 0) - (b.receivedMs ?? 0)).slice(0, maxSlots);
  const files = await inParallel(first, filesAtOnce, async ({ name, receivedMs }) => {
    const slot = await readSlot(backend, name, { signal });
    return slot ? [{ ...slot, receivedMs }] : [];
  });
  return files.flat().sort((a, b) => (a.created < b.created ? -1 : 1));
}

/** Undefined where it is not there, or no key file. */
export async function readSlot(
  backend: VaultBackend,
  name: string,
  { signal }: CallOptions,
): Promise<StoredSlot | undefined> {
  const bytes = await readKeyFile(backend, name, signal);
  const file = bytes && readable(bytes);
  return file && slotOf(name, bytes, file);
}

export type NewSlot = {
  readonly kind: KeySlotKind;
  readonly password: string;
  /** Of an owner slot: the password, sealed to the owner. */
  readonly sealed?: Uint8Array;
  readonly user: string;
  readonly host: string;
  /** RFC 3339; default now. */
  readonly created?: string;
};

/** The file of a new slot. Passwords that people choose cost more to try than random ones. */
export function createSlot(
  key: MasterKey,
  { kind, password, sealed, user, host, created }: NewSlot,
): Promise<NamedFile> {
  const isRandom = kind === 'device' || kind === 'owner' || kind === 'recovery';
  return wrapKey(key, password, {
    ...{ user, host },
    ...(created !== undefined && { created }),
    ...(isRandom && { cost: secretCost }),
    ...(kind !== 'password' && {
      holdfast: { slot: kind, ...(sealed && { sealed: Buffer.from(sealed).toString('base64') }) },
    }),
  });
}

/** Resolves with the name of the slot once it is durable. Rejects with `conflict` where there are so many that it would not be looked at. */
export async function addSlot(
  { backend, key }: Pick<Repository, 'backend' | 'key'>,
  slot: NewSlot,
  { signal }: CallOptions,
): Promise<string> {
  const { length: count } = await backend.list('keys', { signal });
  if (count >= maxSlots) {
    throw new SyncError('conflict', `The repository in ${backend.location} has ${count} key files`, {
      hint: 'More are not looked at. See which are yours: holdfast vault key list. Remove others with holdfast vault key remove, and files in keys/ that it does not list by hand.',
    });
  }
  const { name, bytes } = await createSlot(key, slot);
  await backend.write('keys', name, bytes, { signal });
  return name;
}

/**
 * Removes the slot of this name, or of the only one that begins so. Whoever knew its password may have kept the master key: what
 * was written before stays readable to him. Rejects with `notFound`, `badRequest` for an ambiguous beginning, `conflict` for the
 * last slot and the one in use, `forbidden` where nothing may be removed.
 */
export async function removeSlot(
  { backend }: Pick<Repository, 'backend'>,
  text: string,
  { inUse, signal }: CallOptions & { readonly inUse?: string },
): Promise<KeySlot> {
  const slots = await listSlots(backend, { signal });
  const slot = findSlot(slots, text);
  if (slots.length === 1) {
    throw new SyncError(
      'conflict',
      `Key slot ${short(slot.name)} is the last one: without it nothing opens`,
      {
        hint: 'Add another one first: holdfast vault key add.',
      },
    );
  }
  if (slot.name === inUse) {
    throw new SyncError('conflict', `Key slot ${short(slot.name)} is the one in use`, {
      hint: 'Open the repository by another slot to remove this one.',
    });
  }
  await backend.remove('keys', slot.name, { signal });
  return slot;
}

function findSlot(slots: readonly KeySlot[], text: string): KeySlot {
  const matches = text.length >= 4 ? slots.filter(({ name }) => name.startsWith(text)) : [];
  const [slot, other] = matches;
  if (slot && !other) return slot;
  const hint = 'See them: holdfast vault key list.';
  if (other)
    throw new SyncError(
      'badRequest',
      `Key slots ${matches.map(({ name }) => short(name)).join(', ')} all begin with ${text}`,
      { hint },
    );
  throw new SyncError('notFound', `There is no key slot ${text}`, { hint });
}

function short(name: string): string {
  return name.slice(0, 8);
}

function slotOf(name: string, bytes: Buffer, { holdfast, user, host, created }: KeyFile): StoredSlot {
  const { slot: kind = 'password', sealed } = holdfast ?? {};
  return {
    ...{ name, kind, user, host, created, bytes, receivedMs: null },
    ...(sealed !== undefined && { sealed: Buffer.from(sealed, 'base64') }),
  };
}

function readable(bytes: Buffer): KeyFile | undefined {
  try {
    return parseKeyFile(bytes);
  } catch {
    return undefined;
  }
}

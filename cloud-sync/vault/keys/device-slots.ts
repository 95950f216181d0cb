import { randomBytes } from 'node:crypto';
import type { CallOptions, VaultBackend } from '../backend/backend.ts';
import type { MasterKey } from '../format/master-key.ts';
import { createRepository } from '../open-repository.ts';
import type { Repository } from '../repository.ts';
import { addSlot, createSlot, readSlot, type NewSlot } from './key-slots.ts';
import { sealToOwner } from './owner-key.ts';

export type DeviceVaultOptions = CallOptions & {
  /** The device's name. */
  readonly host: string;
  /** Password of the device's own slot. */
  readonly secret: string;
  /** Of an owner key, base64url; the owner's slot is sealed to it. */
  readonly owner?: string | undefined;
};

/** Who made a slot that no person made. */
const user = 'holdfast';

export type CreatedVault = {
  readonly repository: Repository;
  readonly slot: string;
  readonly ownerSlot: string | null;
};

/** A new repository of a device, with its slot and the owner's. Rejects as `createRepository`. */
export async function createDeviceVault(
  backend: VaultBackend,
  { host, secret, owner, signal }: DeviceVaultOptions,
): Promise<CreatedVault> {
  let slot = '';
  let ownerSlot: string | null = null;
  const keys = async (key: MasterKey) => {
    const device = await createSlot(key, { kind: 'device', password: secret, user, host });
    slot = device.name;
    if (owner === undefined) return [device];
    const sealed = await createSlot(key, ownerSlotOf(owner, host));
    ownerSlot = sealed.name;
    return [device, sealed];
  };
  const repository = await createRepository(backend, { keys, signal });
  return { repository, slot, ownerSlot };
}

/** Adds the device's own slot; resolves with its name. */
export function addDeviceSlot(
  repository: Repository,
  { host, secret, signal }: DeviceVaultOptions,
): Promise<string> {
  return addSlot(repository, { kind: 'device', password: secret, user, host }, { signal });
}

/** The slot of this name if it is there, else a new one that is sealed to the owner. Resolves with its name. */
export async function ensureOwnerSlot(
  repository: Repository,
  { owner, known, host, signal }: CallOptions & { owner: string; known: string | null; host: string },
): Promise<string> {
  if (known !== null && (await readSlot(repository.backend, known, { signal }))) return known;
  return addSlot(repository, ownerSlotOf(owner, host), { signal });
}

/** Only the holder of the owner's private key learns the password. */
function ownerSlotOf(owner: string, host: string): NewSlot {
  const password = randomBytes(32).toString('base64url');
  return { kind: 'owner', password, sealed: sealToOwner(Buffer.from(password), owner), user, host };
}

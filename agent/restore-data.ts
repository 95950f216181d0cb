import { SyncError } from '../cloud-sync/errors.ts';
import type { VaultBackend } from '../cloud-sync/vault/backend/backend.ts';
import { addDeviceSlot } from '../cloud-sync/vault/keys/device-slots.ts';
import { listSlots, removeSlot, type KeySlot } from '../cloud-sync/vault/keys/key-slots.ts';
import { openVault, type OpenedVault, type VaultSecret } from '../cloud-sync/vault/keys/open-vault.ts';
import { ownerPublicKey } from '../cloud-sync/vault/keys/owner-public-key.ts';
import { isCodedError } from '../lib/coded-error.ts';
import type { Logger } from '../lib/logger.ts';
import type { Machine } from '../manifests/machine.ts';
import { AgentError } from './errors.ts';
import { isEnrolled, type Identity } from './identity/identity-store.ts';
import { deviceSlotSecret, readDeviceSlotSecret } from './vault/device-slot.ts';
import { observeFloor } from './vault/observe-floor.ts';
import { backendOf } from './vault/open-access.ts';
import { repositoryTarget } from './vault/repository-target.ts';
import { restoreVolumes, type RestoredData, type RestoreVolumesRequest } from './vault/restore-volumes.ts';
import { VaultStateStore } from './vault/vault-state.ts';
import { floorPath } from './vault/vault-desk.ts';

export type DataChoice = Pick<RestoreVolumesRequest, 'chosen' | 'at' | 'allowDamaged' | 'onPlan' | 'onEvent'>;

export type RestoreDataRequest = DataChoice & {
  readonly root: string;
  readonly identity: Identity;
  /** The manifest that will run. */
  readonly machine: Machine;
  /** `vault.owner` of the machine file at hand. */
  readonly ownerKey: string | undefined;
  readonly passphrase: string | undefined;
  readonly recoveryCode: string | undefined;
  /** user:password of a REST server that is not the control plane's. */
  readonly login: string | undefined;
  readonly logger: Logger;
  readonly signal: AbortSignal;
};

/** What it takes to reach and open the vault. */
type Access = Omit<RestoreDataRequest, keyof DataChoice>;

export type MachineData = RestoredData & {
  /** Key slots of the device that was lost, which the store did not let go of. */
  readonly oldSlots: readonly string[];
};

/**
 * Gives a blank machine the data of its volumes, then a key slot of its own. [G9] Undefined when there is no repository, and no volume
 * has a schedule either. Rejects with AgentError 'notEnrolled' when neither a passphrase nor a recovery code is given, with `noRepository`,
 * or as `openVault` and `restoreVolumes`.
 */
export async function restoreData(request: RestoreDataRequest): Promise<MachineData | undefined> {
  const { root, identity, machine, logger, signal } = request;
  const volumes = Object.keys(machine.volumes);
  if (volumes.length === 0) return undefined;
  await using backend = openBackend(request);
  if ((await backend.list('keys', { signal })).length === 0) {
    refuseToBeginAnew(machine, backend);
    return undefined;
  }
  const opened = await open(request, backend);
  await using repository = opened.repository;
  await observeFloor(repository, { file: floorPath(root), signal, logger });
  const { chosen, at, allowDamaged, onPlan, onEvent } = request;
  const data = await restoreVolumes({
    ...{ root, device: identity.device, repository, volumes, onEvent, logger, signal },
    ...(chosen && { chosen }),
    ...(at && { at }),
    ...(allowDamaged !== undefined && { allowDamaged }),
    ...(onPlan && { onPlan }),
  });
  return { ...data, oldSlots: await takeOver(request, opened) };
}

/**
 * Only the key slot, for a machine that begins with empty volumes: without one it could take no snapshot. Does nothing where there is
 * no repository. Rejects as `restoreData`.
 */
export async function takeVault(request: Access): Promise<void> {
  const { root, logger, signal } = request;
  await using backend = openBackend(request);
  if ((await backend.list('keys', { signal })).length === 0) return;
  const opened = await open(request, backend);
  await using repository = opened.repository;
  await observeFloor(repository, { file: floorPath(root), signal, logger });
  await takeOver(request, opened);
}

function openBackend({ machine, identity, login }: Access): VaultBackend {
  const { location, isOwnCloud } = repositoryTarget(machine.vault, identity);
  if (!isOwnCloud) return backendOf({ location, http: login === undefined ? {} : { login } });
  if (!isEnrolled(identity))
    throw new AgentError(
      'notEnrolled',
      `${identity.device} is not enrolled, and its snapshots are with a cloud`,
    );
  const { ca, certificate, key } = identity;
  return backendOf({ location, http: { ca, identity: { certificate, key } } });
}

/** A slot of its own, and what the agent has to know. Resolves with the slots of the lost device that stay. */
async function takeOver(request: Access, opened: OpenedVault): Promise<string[]> {
  const { machine, identity, signal } = request;
  const { repository, slot } = opened;
  const slots = await listSlots(repository.backend, { signal });
  const oldSlots = await takeSlot(request, opened, slots);
  const ownerSlot = slots.find(({ name, kind }) => name === slot && kind === 'owner')?.name;
  const { location } = repositoryTarget(machine.vault, identity);
  await rememberVault(request, { location, id: repository.id }, ownerSlot);
  return oldSlots;
}

/**
 * A store that lost the repository, or a disk that is not mounted, must not look like a machine without data: the agent would begin
 * a new repository there.
 */
function refuseToBeginAnew({ volumes }: Machine, { location }: VaultBackend): void {
  const names = Object.keys(volumes).filter((name) => volumes[name]?.snapshot !== undefined);
  if (names.length === 0) return;
  throw new SyncError(
    'noRepository',
    `There is no repository in ${location}, which has the snapshots of ${names.join(', ')}`,
    {
      hint: 'See that its disk is mounted, or its server the right one. If there never was a snapshot: --no-data.',
    },
  );
}

/** By this device's own slot when a restore before this one got so far, else by what the owner has. */
async function open(request: Access, backend: VaultBackend): Promise<OpenedVault> {
  const { root, machine, ownerKey = machine.vault?.owner, signal } = request;
  const own = await readDeviceSlotSecret(root);
  if (own !== undefined) {
    try {
      return await openVault(backend, { secret: { kind: 'device', text: own }, signal });
    } catch (error) {
      if (!isCodedError(error) || error.code !== 'wrongPassphrase') throw error;
    }
  }
  return openVault(backend, { secret: secretOf(request, backend), ownerKey, signal });
}

function secretOf({ passphrase, recoveryCode, machine }: Access, { location }: VaultBackend): VaultSecret {
  if (recoveryCode !== undefined) return { kind: 'recoveryCode', text: recoveryCode };
  if (passphrase !== undefined) return { kind: 'passphrase', text: passphrase };
  throw new AgentError(
    'notEnrolled',
    `The data of ${machine.metadata.name} in ${location} needs the owner's passphrase or a recovery code`,
    {
      hint: 'Pass --passphrase-file or --recovery-code-file, or restore without the data: --no-data.',
    },
  );
}

/** A slot for this device; those of the device that was lost go, where the store lets them. Resolves with those that stay. */
async function takeSlot(
  { root, identity, logger, signal }: Access,
  { repository, slot }: OpenedVault,
  slots: readonly KeySlot[],
): Promise<string[]> {
  const host = identity.device;
  const before = slots.filter((one) => one.kind === 'device' && one.host === host);
  const isOwn = before.some(({ name }) => name === slot);
  if (!isOwn) await addDeviceSlot(repository, { host, secret: await deviceSlotSecret(root), signal });
  const kept: string[] = [];
  for (const { name } of before.filter((one) => one.name !== slot)) {
    try {
      await removeSlot(repository, name, { inUse: slot, signal });
    } catch (error) {
      if (!(error instanceof SyncError) || error.transient) throw error;
      logger.info('vault.slot.kept', { slot: name, error });
      kept.push(name);
    }
  }
  return kept;
}

/**
 * The owner's key to trust is that of the file at hand, which the owner kept, whatever the cloud's manifest names; without one, that
 * whose passphrase opened the repository.
 */
async function rememberVault(
  { root, ownerKey, machine, logger }: Access,
  repository: { readonly location: string; readonly id: string },
  ownerSlot: string | undefined,
): Promise<void> {
  const state = await VaultStateStore.open(root, logger);
  const key = ownerKey ?? (ownerSlot === undefined ? undefined : machine.vault?.owner);
  const owner = key === undefined ? undefined : ownerPublicKey(key);
  const slot = owner !== undefined && ownerSlot !== undefined ? { owner, name: ownerSlot } : undefined;
  await state.update(() => ({
    repository,
    ...(owner !== undefined && { trustedOwner: owner }),
    ...(slot && { ownerSlot: slot }),
  }));
}

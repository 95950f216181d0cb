import { mkdir } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname } from 'node:path';
import { SyncError } from '../../cloud-sync/errors.ts';
import { errorCode, errorMessage } from '../../lib/error-code.ts';
import { addSlot, listSlots, removeSlot } from '../../cloud-sync/vault/keys/key-slots.ts';
import { createRecoveryCode } from '../../cloud-sync/vault/keys/recovery-code.ts';
import type { VaultAccess, VaultTask, VaultTaskResult } from './job-protocol.ts';
import { observeFloor } from './observe-floor.ts';
import { openAccess } from './open-access.ts';
import type { OpenTask, TaskContext } from './open-task.ts';
import { runUpkeep } from './run-upkeep.ts';
import { withoutNames } from './without-names.ts';

/** How long to wait for another that holds the repository alone, such as a prune. */
const lockWaitMs = 60_000;

/** Opens the repository and does one task on it. Rejects with a SyncError. */
export async function runTask(
  access: VaultAccess,
  task: VaultTask,
  context: TaskContext,
): Promise<VaultTaskResult> {
  const { repository, slot, ownerSlot } = await openAccess(access, context);
  await using _ = repository;
  context.onOpened({ id: repository.id, slot, ownerSlot });
  const { signal, logger } = context;
  const observed = { file: access.floor, signal, logger };
  const floor = await observeFloor(repository, observed);
  const result = await runOn({ ...context, repository, slot, access, floor, waitMs: lockWaitMs }, task);
  // So that the store cannot lose what this job has added.
  if (task.kind === 'snapshot') await observeFloor(repository, observed);
  return result;
}

async function runOn(open: OpenTask, task: VaultTask): Promise<VaultTaskResult> {
  switch (task.kind) {
    case 'snapshot':
      return takeSnapshotOf(open, task);
    case 'restore':
      return restoreTo(open, task);
    case 'forget':
    case 'prune':
    case 'check':
      return { kind: 'upkeep', result: await runUpkeep(open, task) };
    case 'listKeys':
      return slotsOf(open);
    case 'addPassphrase':
      return { kind: 'keyAdded', added: { name: await add(open, 'passphrase', task.passphrase) } };
    case 'addRecoveryCode': {
      const recoveryCode = createRecoveryCode();
      return { kind: 'keyAdded', added: { name: await add(open, 'recovery', recoveryCode), recoveryCode } };
    }
    case 'removeKey':
      await removeSlot(open.repository, task.name, { inUse: open.slot, signal: open.signal });
      return slotsOf(open);
    default:
      return task satisfies never;
  }
}

async function takeSnapshotOf(
  { repository, access, logger, signal, onSnapshotProgress }: OpenTask,
  { kind: _kind, bytesPerSecond, ...task }: Extract<VaultTask, { kind: 'snapshot' }>,
): Promise<VaultTaskResult> {
  await mkdir(dirname(task.memory), { recursive: true, mode: 0o700 });
  const { takeSnapshot } = await import('../../cloud-sync/vault/snapshot/take-snapshot.ts');
  const taking = takeSnapshot({
    ...task,
    ...(bytesPerSecond !== undefined && { bytesPerSecond }),
    ...{ repository, hostname: access.device, parent: 'latest', logger, signal },
    onProgress: onSnapshotProgress,
  });
  const outcome = await taking.catch((error: unknown) => {
    throw noFolder(error, task.folder) ?? withoutNames(error, { folder: task.folder, logger });
  });
  return { kind: 'snapshot', outcome };
}

function noFolder(error: unknown, folder: string): SyncError | undefined {
  if (errorCode(error) !== 'ENOENT' || !errorMessage(error).endsWith(`'${folder}'`)) return undefined;
  return new SyncError('notFound', `There is no folder ${folder}`, {
    cause: error,
    hint: 'Nothing was written to the volume yet, or its disk is not mounted.',
  });
}

async function restoreTo(
  { repository, logger, signal, onStep }: OpenTask,
  { snapshot, target }: Extract<VaultTask, { kind: 'restore' }>,
): Promise<VaultTaskResult> {
  const { restoreSnapshot } = await import('../../cloud-sync/vault/restore/restore-snapshot.ts');
  const { id } = await repository.findSnapshot(snapshot, { signal });
  const restoring = restoreSnapshot({
    ...{ repository, snapshot: id, target, replace: true, logger, signal },
    onProgress: ({ phase, bytesDone, bytesTotal }) =>
      onStep({ done: bytesDone, total: bytesTotal, message: phase }),
  });
  const outcome = await restoring.catch((error: unknown) => {
    throw withoutNames(error, { folder: dirname(target), logger });
  });
  if (outcome.placed)
    return { kind: 'restore', restored: { snapshot: id, files: outcome.files, bytes: outcome.bytes } };
  logger.error('vault.restore.damaged', { snapshot: id, local: { problems: outcome.problems.slice(0, 10) } });
  throw new SyncError(
    'damaged',
    `Snapshot ${id.slice(0, 8)} cannot be given back whole: ${outcome.problemCount} problems`,
    {
      hint: 'The volume is as it was. See holdfast logs and holdfast vault check, or restore another snapshot.',
    },
  );
}

async function slotsOf({ repository, slot, signal }: OpenTask): Promise<VaultTaskResult> {
  const slots = await listSlots(repository.backend, { signal });
  return { kind: 'keys', slots: slots.map((one) => ({ ...one, inUse: one.name === slot })) };
}

function add(
  { repository, access, signal }: OpenTask,
  kind: 'passphrase' | 'recovery',
  password: string,
): Promise<string> {
  return addSlot(repository, { kind, password, user: userName(), host: access.device }, { signal });
}

/** '' for a user id that has no name here. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return '';
  }
}

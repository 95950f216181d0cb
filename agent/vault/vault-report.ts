import type { Component } from '../../cloud-sync/protocol/messages.ts';
import type { Machine } from '../../manifests/machine.ts';
import type { VaultStatus, VolumeVaultStatus } from '../control/vault-protocol.ts';
import type { JobQueue } from './job-queue.ts';
import type { OwnerTrust } from './owner-trust.ts';
import type { Surroundings } from './ports.ts';
import type { RestoredVolumes } from './restored-volumes.ts';
import type { SnapshotSchedules } from './snapshot-schedules.ts';
import type { VaultState } from './vault-state.ts';
import { scheduledMs } from './volume-schedule.ts';

export type VaultView = {
  readonly queue: Pick<JobQueue, 'running' | 'waiting'>;
  readonly restored: RestoredVolumes;
  readonly schedules: Pick<SnapshotSchedules, 'of' | 'dueMs'>;
  readonly owner: Pick<OwnerTrust, 'trusted' | 'offered'>;
  readonly state: Readonly<VaultState>;
  readonly machine: Pick<Machine, 'volumes' | 'vault'>;
  readonly location: string;
  readonly repositoryId: string | null;
  readonly surroundings: Surroundings;
  readonly paused: VaultStatus['paused'];
  readonly nowMs: number;
};

/** A scheduled snapshot may begin this much later without being called overdue. */
const graceMs = 5 * 60_000;

export function vaultStatus(view: VaultView): VaultStatus {
  const { queue, owner, state, machine, location, repositoryId, surroundings, paused } = view;
  const { trusted, offered } = owner;
  const isUsed = machine.vault !== undefined || isSnapshotted(machine) || repositoryId !== null;
  const slot = state.ownerSlot !== null && state.ownerSlot.owner === state.trustedOwner;
  return {
    repository: isUsed ? { location, id: repositoryId } : null,
    owner: trusted === null ? null : { fingerprint: trusted, offered, slot },
    ...surroundings,
    paused,
    retention: state.retention && {
      time: new Date(state.retention.timeMs).toISOString(),
      problem: state.retention.problem,
    },
    running: queue.running,
    waiting: queue.waiting,
    volumes: Object.fromEntries(Object.keys(machine.volumes).map((name) => [name, volumeStatus(view, name)])),
  };
}

/** How each volume with a schedule is, for whoever looks from afar. */
export function vaultComponents(view: VaultView): Record<string, Component> {
  const scheduled = Object.entries(view.machine.volumes).filter(([, { snapshot }]) => snapshot !== undefined);
  return Object.fromEntries(
    scheduled.map(([name]) => [`volumes.${name}`, componentOf(volumeStatus(view, name), view.paused)]),
  );
}

function volumeStatus({ machine, schedules, restored, nowMs }: VaultView, name: string): VolumeVaultStatus {
  const state = schedules.of(name);
  const schedule = machine.volumes[name]?.snapshot ?? null;
  const dueMs = schedules.dueMs(name);
  const firstMissedMs = state && schedule !== null ? scheduledMs(schedule, state.handledMs) : undefined;
  return {
    schedule,
    next: dueMs === undefined ? null : isoOf(dueMs),
    overdue: firstMissedMs !== undefined && firstMissedMs + graceMs < nowMs,
    last: state?.last ? lastOf(state.last) : null,
    restored: (Object.hasOwn(restored, name) ? restored[name] : undefined) ?? null,
    unchanged: state?.unchangedMs == null ? null : isoOf(state.unchangedMs),
    failure: state?.failure ? failureOf(state.failure) : null,
  };
}

function lastOf({
  timeMs,
  ...last
}: NonNullable<VaultState['volumes'][string]['last']>): VolumeVaultStatus['last'] {
  return { ...last, time: isoOf(timeMs) };
}

function failureOf({
  timeMs,
  retryMs: _retryMs,
  ...failure
}: NonNullable<VaultState['volumes'][string]['failure']>): VolumeVaultStatus['failure'] {
  return { ...failure, time: isoOf(timeMs) };
}

function componentOf(
  { last, restored, failure, overdue }: VolumeVaultStatus,
  paused: VaultStatus['paused'],
): Component {
  const kind = 'volume' as const;
  const made = last
    ? `Last snapshot ${last.snapshot.slice(0, 8)} of ${last.time}, ${last.totalBytes} bytes`
    : neverText(restored);
  const unread = last && last.problems > 0 ? `; ${last.problems} files could not be read as they were` : '';
  if (failure) {
    const message = `${failure.message} (${failure.attempts} in a row). ${made}`.slice(0, 2048);
    return { kind, state: 'failed', message };
  }
  if (overdue) return { kind, state: paused ? 'paused' : 'waiting', message: `${made}; the next is overdue` };
  return { kind, state: 'running', message: `${made}${unread}` };
}

function neverText(restored: VolumeVaultStatus['restored']): string {
  if (restored === null) return 'No snapshot yet';
  const { snapshot, taken, restored: time } = restored;
  return `Restored on ${time} from snapshot ${snapshot.slice(0, 8)} of ${taken}; none since`;
}

function isSnapshotted({ volumes }: Pick<Machine, 'volumes'>): boolean {
  return Object.values(volumes).some(({ snapshot }) => snapshot !== undefined);
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}

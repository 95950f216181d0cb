import { join } from 'node:path';
import type { Component, Condition } from '../../cloud-sync/protocol/messages.ts';
import type { SnapshotOutcome, SnapshotProgress } from '../../cloud-sync/vault/snapshot/snapshot-request.ts';
import { isNoRoom } from '../../cloud-sync/vault/upkeep/no-room.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Machine } from '../../manifests/machine.ts';
import type { UpkeepResult, VaultJobStatus, VaultStatus } from '../control/vault-protocol.ts';
import { ChangeSignal } from '../change-signal.ts';
import { AgentError } from '../errors.ts';
import type { Identity } from '../identity/identity-store.ts';
import { keepDaily, type DailyOptions } from './keep-daily.ts';
import type { RestoredVolume, VaultTask, VaultTaskResult } from './job-protocol.ts';
import { JobQueue } from './job-queue.ts';
import { OwnerTrust } from './owner-trust.ts';
import { logOutcome } from './log-outcome.ts';
import type { ChangeWatch, JobRunner, Surroundings } from './ports.ts';
import { PausePolicy, surroundingsEveryMs } from './pause-policy.ts';
import { QuietVolumes } from './quiet-volumes.ts';
import { recordedPathOf } from './recorded-path.ts';
import type { RestoredVolumes } from './restored-volumes.ts';
import { SnapshotSchedules } from './snapshot-schedules.ts';
import { VaultDesk, type TaskCallbacks } from './vault-desk.ts';
import { vaultComponents, vaultStatus, type VaultView } from './vault-report.ts';
import type { VaultStateHolder } from './vault-state.ts';

export type VaultKeeperOptions = {
  readonly root: string;
  readonly identity: Identity;
  /** Of this device, by name. */
  readonly secret: (name: string) => Promise<string | undefined>;
  /** Password of this device's own key slot. */
  readonly slotSecret: () => Promise<string>;
  readonly state: VaultStateHolder;
  /** What volumes were made of at a restore; default none. */
  readonly restored?: RestoredVolumes;
  readonly run: JobRunner;
  /** Of a folder, not armed yet. */
  readonly watch: (folder: string) => ChangeWatch;
  readonly surroundings: () => Promise<Surroundings>;
  readonly now: () => Date;
  /** Resolves after that time or when the signal aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly random?: () => number;
  readonly logger: Logger;
};

type Parts = {
  readonly changes: ChangeSignal;
  readonly queue: JobQueue;
  readonly desk: VaultDesk;
  readonly schedules: SnapshotSchedules;
  readonly owner: OwnerTrust;
  readonly pausing: PausePolicy;
  readonly quiet: QuietVolumes;
};

export type SnapshotOptions = {
  readonly reason: string;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: SnapshotProgress) => void;
};

/** The clock of the machine may be set meanwhile: no wait is longer than this. */
const maxSleepMs = 60_000;

/**
 * Snapshots the volumes as the manifest says, one job at a time, also without a network when the repository is a folder [G4].
 * What was missed while the agent was off is made up for once; a failure that may pass is tried again with back-off.
 */
export class VaultKeeper implements AsyncDisposable {
  readonly #options: VaultKeeperOptions;
  readonly #parts: Parts;
  readonly #stop = new AbortController();
  #machine: Pick<Machine, 'volumes' | 'vault'> = { volumes: {} };
  /** What of it has to be on disk is. */
  #isSettled = true;
  #wake = new AbortController();
  #loop: Promise<void> = Promise.resolve();

  constructor(options: VaultKeeperOptions) {
    const { now, random = Math.random, surroundings, sleep, state, logger } = options;
    const changes = new ChangeSignal();
    const onChange = (): void => changes.notify();
    const queue = new JobQueue({ now, onChange });
    const desk = new VaultDesk({ ...options, queue });
    const isRemote = (): boolean => desk.target.isRemote;
    this.#options = options;
    this.#parts = {
      ...{ queue, changes, desk },
      schedules: new SnapshotSchedules({ state, now, random }),
      owner: new OwnerTrust({ state, logger }),
      pausing: new PausePolicy({ surroundings, sleep, isRemote, onChange }),
      quiet: new QuietVolumes((volume) => options.watch(this.#folderOf(volume))),
    };
  }

  /** Begins to keep the schedules. */
  start(): void {
    this.#loop = this.#run();
  }

  /** Follows a generation. A full disk keeps none from running: what could not be written down is tried again. */
  async configure({ volumes, vault }: Pick<Machine, 'volumes' | 'vault'>): Promise<void> {
    const { desk, pausing, changes, quiet } = this.#parts;
    this.#machine = vault === undefined ? { volumes } : { volumes, vault };
    desk.configure(vault);
    quiet.forget();
    pausing.configure(vault);
    this.#isSettled = false;
    await this.#settle().catch((error: unknown) => {
      this.#options.logger.error('vault.configure.failed', { error });
    });
    this.#wake.abort();
    changes.notify();
  }

  /** Calls back when `status`, `components` or `conditions` may say something else than before. */
  onChange(listener: () => void): () => void {
    return this.#parts.changes.listen(listener);
  }

  status(): VaultStatus {
    return vaultStatus(this.#view());
  }

  jobs(): VaultJobStatus[] {
    return this.#parts.queue.list();
  }

  /** `volumes.<name>` of those that are snapshotted. */
  components(): Record<string, Component> {
    return vaultComponents(this.#view());
  }

  conditions(): Condition[] {
    return this.#parts.owner.conditions();
  }

  get volumes(): readonly string[] {
    return Object.keys(this.#machine.volumes);
  }

  /**
   * A new snapshot of a volume, whether or not anything changed: before an update of the app that owns it, too. Rejects with
   * AgentError 'unknownVolume' or what the job rejects with.
   */
  async snapshotVolume(volume: string, options: SnapshotOptions): Promise<SnapshotOutcome> {
    return this.#snapshot(volume, { ...options, skipUnchanged: false });
  }

  /**
   * Puts a volume back to a snapshot of it: what the snapshot holds is staged, verified and exchanged as a whole. Nobody may
   * write to the volume meanwhile. Rejects as `snapshotVolume`, with `damaged` when not every file could be given back.
   */
  async restoreVolume(
    volume: string,
    snapshot: string,
    { reason, signal }: SnapshotOptions,
  ): Promise<RestoredVolume> {
    this.#requireVolume(volume);
    const task = { kind: 'restore', snapshot, target: this.#folderOf(volume) } as const;
    const result = await this.#do({ kind: 'restore', volume, reason }, task, { signal });
    if (result.kind !== 'restore') throw unexpected(result);
    return result.restored;
  }

  /** Forgets by `keep`, prunes or checks, as the task says. */
  async upkeep(
    task:
      | Extract<VaultTask, { kind: 'prune' | 'check' }>
      | {
          readonly kind: 'forget';
          readonly volumes?: readonly string[] | undefined;
          readonly prune: boolean;
        },
    reason: string,
    callbacks: TaskCallbacks,
  ): Promise<UpkeepResult> {
    const whole = task.kind === 'forget' ? this.#forgetTask(task.volumes ?? this.volumes, task.prune) : task;
    const result = await this.#do({ kind: whole.kind, volume: null, reason }, whole, callbacks);
    if (result.kind !== 'upkeep') throw unexpected(result);
    return result.result;
  }

  /** Lists, adds or removes key slots. */
  keys(
    task: Extract<VaultTask, { kind: 'listKeys' | 'addPassphrase' | 'addRecoveryCode' | 'removeKey' }>,
    callbacks: TaskCallbacks,
  ): Promise<VaultTaskResult> {
    return this.#do({ kind: 'keys', volume: null, reason: 'request' }, task, callbacks);
  }

  /** What the store has now is the truth: for someone who knows why snapshots, or the repository, are gone. */
  async acceptState({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    this.#options.logger.warn('vault.state.accepted', { location: this.#parts.desk.location });
    await this.#parts.desk.forget(signal);
    this.#parts.quiet.forget();
    this.#parts.changes.notify();
  }

  /** Resolves with its fingerprint; the next job seals a slot to it. */
  async trustOwner(fingerprint: string): Promise<string> {
    const trusted = await this.#parts.owner.accept(fingerprint);
    this.#parts.quiet.forget();
    this.#parts.changes.notify();
    return trusted;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#parts.queue[Symbol.asyncDispose]();
    await this.#loop;
    this.#parts.quiet[Symbol.dispose]();
    this.#parts.changes[Symbol.dispose]();
  }

  #do(
    about: Parameters<VaultDesk['do']>[0],
    task: VaultTask,
    callbacks: TaskCallbacks,
  ): Promise<VaultTaskResult> {
    return this.#parts.desk.do(about, task, callbacks);
  }

  async #settle(): Promise<void> {
    if (this.#isSettled) return;
    const machine = this.#machine;
    await this.#parts.owner.configure(machine.vault?.owner);
    await this.#parts.schedules.configure(machine.volumes);
    this.#isSettled = machine === this.#machine;
  }

  async #run(): Promise<void> {
    const { sleep, logger } = this.#options;
    while (!this.#stop.signal.aborted) {
      this.#wake = new AbortController();
      const waitMs = await this.#turn().catch((error: unknown) => {
        logger.error('vault.schedule.failed', { error });
        return maxSleepMs;
      });
      if (waitMs > 0) await sleep(waitMs, AbortSignal.any([this.#wake.signal, this.#stop.signal]));
    }
  }

  /** Does what is due; milliseconds until it is worth looking again. */
  async #turn(): Promise<number> {
    const { schedules, pausing } = this.#parts;
    const { now } = this.#options;
    await this.#settle();
    await schedules.followClock();
    const next = schedules.next();
    if (!next) return maxSleepMs;
    const waitMs = next.dueMs - now().getTime();
    if (waitMs > 0) return Math.min(waitMs, maxSleepMs);
    if (await pausing.check()) return surroundingsEveryMs;
    await this.#scheduled(next.volume);
    // It is due as before when it had to make room, or when a full disk let nothing be written down.
    return schedules.dueMs(next.volume) === next.dueMs ? maxSleepMs : 0;
  }

  async #scheduled(volume: string): Promise<void> {
    const { logger } = this.#options;
    using pause = this.#parts.pausing.watch();
    const signal = AbortSignal.any([this.#stop.signal, pause.signal]);
    try {
      if (!(await this.#isQuiet(volume)))
        await this.#snapshot(volume, { reason: 'schedule', signal, skipUnchanged: true });
    } catch (error) {
      if (!signal.aborted) logger.warn('vault.snapshot.failed', { volume, error });
      // What `keep` lets go may be the room that lacks.
      if (signal.aborted || !isNoRoom(error)) return;
    }
    const { state, now } = this.#options;
    const upkeep: DailyOptions['upkeep'] = (...asked) => this.upkeep(...asked);
    await keepDaily({ ...{ state, now, logger, signal, upkeep }, volumes: this.#machine.volumes });
  }

  /** Whether nothing came to it since its last snapshot: then there is nothing to look at. */
  async #isQuiet(volume: string): Promise<boolean> {
    const { quiet, schedules, changes } = this.#parts;
    const nowMs = this.#options.now().getTime();
    if (!(await quiet.isUnchanged(volume, nowMs))) return false;
    await schedules.unchanged(volume, nowMs);
    this.#options.logger.debug('vault.snapshot.quiet', { volume });
    changes.notify();
    return true;
  }

  async #snapshot(
    volume: string,
    { reason, signal, onProgress, skipUnchanged }: SnapshotOptions & { readonly skipUnchanged: boolean },
  ): Promise<SnapshotOutcome> {
    const { schedules, quiet, changes } = this.#parts;
    const task = this.#snapshotTask(volume, reason, skipUnchanged);
    const noteTaken = await quiet.begin(volume);
    const startedMs = this.#options.now().getTime();
    try {
      const callbacks = onProgress === undefined ? { signal } : { signal, onSnapshotProgress: onProgress };
      const result = await this.#do({ kind: 'snapshot', volume, reason }, task, callbacks);
      if (result.kind !== 'snapshot') throw unexpected(result);
      await schedules.succeeded(volume, startedMs, result.outcome);
      noteTaken(startedMs, result.outcome);
      logOutcome(this.#options.logger, volume, result.outcome);
      return result.outcome;
    } catch (error) {
      if (!signal.aborted && !this.#stop.signal.aborted) await schedules.failed(volume, error);
      throw error;
    } finally {
      changes.notify();
    }
  }

  #snapshotTask(volume: string, reason: string, skipUnchanged: boolean): VaultTask {
    const { exclude = [] } = this.#requireVolume(volume);
    const { vault } = this.#machine;
    return {
      kind: 'snapshot',
      folder: this.#folderOf(volume),
      recordedPath: recordedPathOf(volume),
      tags: [
        'holdfast',
        ...(reason === 'schedule' || reason === 'request' ? [] : [reason.replaceAll(',', ' ')]),
      ],
      excludes: exclude,
      memory: join(this.#options.root, 'vault', 'memory', volume),
      ...(vault?.throttle !== undefined && { bytesPerSecond: vault.throttle }),
      skipUnchanged,
    };
  }

  #forgetTask(volumes: readonly string[], prune: boolean): Extract<VaultTask, { kind: 'forget' }> {
    const kept = volumes.flatMap((name) => {
      const { keep } = this.#requireVolume(name);
      return keep === undefined ? [] : [{ recordedPath: recordedPathOf(name), keep }];
    });
    if (kept.length > 0) return { kind: 'forget', volumes: kept, prune };
    throw new AgentError('notConfigured', 'The manifest says of no volume which snapshots to keep', {
      hint: 'Give it a keep, such as keep: { daily: 7, weekly: 4 }.',
    });
  }

  #requireVolume(name: string): Machine['volumes'][string] {
    const { volumes } = this.#machine;
    const spec = Object.hasOwn(volumes, name) ? volumes[name] : undefined;
    if (spec) return spec;
    throw new AgentError('unknownVolume', `The manifest that runs has no volume ${name}`, {
      hint: `It has: ${Object.keys(volumes).join(', ') || 'none'}.`,
    });
  }

  #folderOf(volume: string): string {
    return join(this.#options.root, 'volumes', volume);
  }

  #view(): VaultView {
    const { queue, desk, schedules, owner, pausing } = this.#parts;
    return {
      ...{ queue, schedules, owner, restored: this.#options.restored ?? {} },
      state: this.#options.state.state,
      machine: this.#machine,
      location: desk.location,
      repositoryId: desk.repositoryId,
      surroundings: pausing.surroundings,
      paused: pausing.paused,
      nowMs: this.#options.now().getTime(),
    };
  }
}

function unexpected({ kind }: VaultTaskResult): Error {
  return new Error(`The job answered with ${kind}`);
}

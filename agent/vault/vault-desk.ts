import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { SnapshotProgress } from '../../cloud-sync/vault/snapshot/snapshot-request.ts';
import type { Machine } from '../../manifests/machine.ts';
import type { Identity } from '../identity/identity-store.ts';
import type { JobStep, OpenedRepository, VaultAccess, VaultTask, VaultTaskResult } from './job-protocol.ts';
import type { JobAbout, JobQueue } from './job-queue.ts';
import type { JobRunner } from './ports.ts';
import { repositoryCredentials, repositoryTarget, type RepositoryTarget } from './repository-target.ts';
import type { VaultState, VaultStateHolder } from './vault-state.ts';

export type VaultDeskOptions = {
  readonly root: string;
  readonly identity: Identity;
  /** Of this device. */
  readonly secret: (name: string) => Promise<string | undefined>;
  /** Password of this device's own key slot. */
  readonly slotSecret: () => Promise<string>;
  readonly state: VaultStateHolder;
  readonly queue: JobQueue;
  readonly run: JobRunner;
};

export type TaskCallbacks = {
  readonly signal: AbortSignal;
  readonly onSnapshotProgress?: (progress: SnapshotProgress) => void;
  readonly onStep?: (step: JobStep) => void;
};

/** Brings tasks to the repository of the manifest that runs, each in its turn, and remembers which repository that is. */
export class VaultDesk {
  readonly #options: VaultDeskOptions;
  #vault: Machine['vault'];

  constructor(options: VaultDeskOptions) {
    this.#options = options;
  }

  configure(vault: Machine['vault']): void {
    this.#vault = vault;
  }

  get target(): RepositoryTarget {
    return repositoryTarget(this.#vault, this.#options.identity);
  }

  /** For people: without a password. */
  get location(): string {
    return this.target.location.replace(/^(rest:https?:\/\/)[^/@]*@/, '$1');
  }

  /** The repository at this location that was used before. */
  get repositoryId(): string | null {
    return this.#known?.id ?? null;
  }

  get #known(): VaultState['repository'] {
    const { repository } = this.#options.state.state;
    return repository?.location === this.target.location ? repository : null;
  }

  /** Rejects with the task's SyncError or AgentError 'unknownSecret', 'stateBroken'; with the signal's reason when that aborts. */
  do(about: JobAbout, task: VaultTask, callbacks: TaskCallbacks): Promise<VaultTaskResult> {
    const { queue, run } = this.#options;
    return queue.add(about, callbacks.signal, async (signal, report) => {
      const access = await this.#access();
      const known: Promise<void>[] = [];
      const result = await run(access, task, {
        ...callbacks,
        signal,
        onOpened: (opened) => {
          const remembered = this.#remember(access, opened);
          remembered.catch(() => undefined);
          known.push(remembered);
        },
        onSnapshotProgress: (progress) => {
          report.progress(progress);
          callbacks.onSnapshotProgress?.(progress);
        },
      });
      await Promise.all(known);
      return result;
    });
  }

  /** Forgets, once no job runs, which repository it was and what was in it. */
  forget(signal: AbortSignal): Promise<void> {
    const { queue, root, state } = this.#options;
    return queue.add({ kind: 'accept', volume: null, reason: 'request' }, signal, async () => {
      await rm(floorPath(root), { force: true });
      await state.update(() => ({ repository: null, ownerSlot: null }));
    });
  }

  async #access(): Promise<VaultAccess> {
    const { root, identity, secret, slotSecret, state } = this.#options;
    const { trustedOwner, ownerSlot } = state.state;
    const target = this.target;
    const isSealed = this.repositoryId !== null && ownerSlot?.owner === trustedOwner;
    const sealed = isSealed ? ownerSlot.name : null;
    return {
      location: target.location,
      http: await repositoryCredentials(target, this.#vault, { identity, secret }),
      secret: await slotSecret(),
      device: identity.device,
      slot: this.#known?.slot ?? null,
      repositoryId: this.repositoryId,
      floor: floorPath(root),
      owner: trustedOwner === null ? null : { publicKey: trustedOwner, slot: sealed },
    };
  }

  async #remember({ location, owner }: VaultAccess, opened: OpenedRepository): Promise<void> {
    const { id, slot, ownerSlot: name } = opened;
    await this.#options.state.update((state) => {
      const repository = { location, id, slot };
      const ownerSlot = owner && name !== null ? { owner: owner.publicKey, name } : null;
      const isKnown =
        isDeepStrictEqual(state.repository, repository) && isDeepStrictEqual(state.ownerSlot, ownerSlot);
      return isKnown ? {} : { repository, ownerSlot };
    });
  }
}

/** The file that remembers which snapshots the repository of the device in `root` was seen to have. */
export function floorPath(root: string): string {
  return join(root, 'vault', 'floor.json');
}

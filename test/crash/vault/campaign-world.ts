import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bytesOfName } from '../../../cloud-sync/vault/format/name-bytes.ts';
import { seededRandom } from '../../support/random.ts';
import { treeDifferences, treeEntries } from '../../support/tree-entries.ts';
import { startJob, type Job, type Outcome, type RunningJob } from './job.ts';
import { Ledger } from './ledger.ts';
import { outcomeText } from './outcome-text.ts';
import { ResticJudge } from './restic-judge.ts';
import { Volume } from './volume.ts';

export type VaultCampaignOptions = {
  readonly cycles: number;
  readonly seed: number;
  /** On a disk. */
  readonly folder: string;
  /** For the repository; on a small file system of its own when `isSmall`. */
  readonly store: string;
  readonly isSmall: boolean;
  readonly canTrace: boolean;
  readonly password: string;
  readonly report: (line: string) => void;
};

export type VolumeName = 'a' | 'b';

/** Of each volume so many snapshots stay when others are forgotten. */
export const keepLast = 3;

/** Two folders, a repository, and what was promised of it. What is not as it has to be is in `failed`. */
export class CampaignWorld {
  readonly options: VaultCampaignOptions;
  readonly random: () => number;
  readonly repository: string;
  readonly ledger = new Ledger();
  readonly judge: ResticJudge;
  readonly volumes: Readonly<Record<VolumeName, Volume>>;
  readonly failed: string[] = [];
  readonly counts: Record<string, number> = { kills: 0, lost: 0, snapshots: 0, restored: 0 };

  constructor(options: VaultCampaignOptions) {
    const { seed, folder, store, password } = options;
    this.options = options;
    this.random = seededRandom(seed);
    this.repository = join(store, 'repository');
    this.judge = new ResticJudge(password, folder);
    this.volumes = { a: this.#volume('a'), b: this.#volume('b') };
  }

  count(name: string, by = 1): void {
    this.counts[name] = (this.counts[name] ?? 0) + by;
  }

  job(location = this.repository): Pick<Job, 'location' | 'password'> {
    return { location, password: this.options.password };
  }

  snapshotJob(name: VolumeName): Extract<Job, { kind: 'snapshot' }> {
    const { folder } = this.volumes[name];
    const paths = { folder, recordedPath: pathOf(name), memory: this.memory(name) };
    return { ...this.job(), kind: 'snapshot', ...paths };
  }

  /** Where snapshots of a volume remember what the last one saw. */
  memory(name: VolumeName): string {
    return join(this.options.folder, `memory-${name}`);
  }

  start(name: VolumeName, under: readonly string[] = []): RunningJob {
    return startJob(this.snapshotJob(name), under);
  }

  startPrune(under: readonly string[] = []): RunningJob {
    return startJob({ ...this.job(), kind: 'prune', keepLast }, under);
  }

  /** Kills a job so long after its work began. */
  killAfter(job: RunningJob, ms: number): RunningJob {
    void (async () => {
      await job.working;
      const ended = new AbortController();
      void job.outcome.catch(() => undefined).finally(() => ended.abort());
      await sleep(ms, undefined, { signal: ended.signal }).catch(() => undefined);
      job.kill();
    })();
    return job;
  }

  /** Waits for a snapshot and takes note of what it promises. Resolves with what came of it, for people. */
  async commit(
    name: VolumeName,
    job: RunningJob,
    { mustSucceed = false }: { mustSucceed?: boolean } = {},
  ): Promise<string> {
    const entries = this.volumes[name].entries();
    this.ledger.attempt(pathOf(name), entries);
    const outcome = await this.#outcomeOf(job);
    if (outcome?.kind === 'snapshot') {
      this.ledger.commit(outcome.id, pathOf(name), entries);
      this.count('snapshots');
      if (outcome.problems > 0)
        this.failed.push(`snapshot ${outcome.id} left out ${outcome.problems} entries`);
    } else if (mustSucceed) this.failed.push(`an undisturbed snapshot: ${outcomeText(outcome)}`);
    return outcomeText(outcome);
  }

  /** Waits for a prune, before which the ledger was told. */
  async forget(job: RunningJob): Promise<string> {
    const outcome = await this.#outcomeOf(job);
    if (outcome?.kind === 'prune') this.failed.push(...this.ledger.forget(outcome.forgotten));
    return outcomeText(outcome);
  }

  /**
   * Restores one of the snapshots from where some of it may be missing or wrong: what is put in place has to be as it was, and what is
   * not has to be listed; nothing of it where `isSound` says that nothing was wrong. [G8] With `killAfterMs` it is killed first, and goes
   * on from there.
   */
  async restore(
    location: string,
    { isSound, killAfterMs }: { readonly isSound: () => boolean; readonly killAfterMs?: number },
  ): Promise<string> {
    const { ids } = this.ledger;
    const id = ids[Math.floor(this.random() * ids.length)]!;
    const parent = join(this.options.folder, 'restored');
    const target = join(parent, 'target');
    mkdirSync(parent);
    try {
      const job = { ...this.job(location), kind: 'restore', snapshot: id, target } as const;
      if (killAfterMs !== undefined) {
        await this.#outcomeOf(this.killAfter(startJob(job), killAfterMs));
        // There is a target only when it was quicker, or had not yet said so; then it is whole.
        if (existsSync(target)) this.#compareRestored(id, target, []);
        rmSync(target, { recursive: true, force: true });
      }
      const outcome = await this.#outcomeOf(startJob(job));
      const isWhole = outcome?.kind === 'restore' && outcome.problemPaths.length === 0;
      if (isSound() && !isWhole)
        this.failed.push(`a restore of a sound snapshot says ${outcomeText(outcome)}`);
      if (outcome?.kind === 'restore') this.#compareRestored(id, target, outcome.problemPaths);
      return outcomeText(outcome);
    } finally {
      rmSync(parent, { recursive: true, force: true });
    }
  }

  /** Checks every byte of a repository, and rejects nothing: damage is an outcome. */
  check(location: string): Promise<Outcome | undefined> {
    return this.#outcomeOf(startJob({ ...this.job(location), kind: 'check', readData: true }));
  }

  #compareRestored(id: string, target: string, problemPaths: readonly string[]): void {
    const listed = problemPaths.map((path) => bytesOfName(path).toString('latin1'));
    const isListed = (path: string): boolean =>
      listed.some((problem) => path === problem || path.startsWith(`${problem}/`));
    const actual = treeEntries(target);
    const expected = [...this.ledger.entriesOf(id)].filter(([path]) => actual.has(path) || !isListed(path));
    for (const difference of treeDifferences(new Map(expected), actual))
      this.failed.push(`a restore of ${id} says nothing of ${difference}`);
  }

  async #outcomeOf(job: RunningJob): Promise<Outcome | undefined> {
    const outcome = await job.outcome;
    if (outcome === undefined) this.count('kills');
    if (outcome?.kind === 'failed' && outcome.code === 'bug') this.failed.push(`a bug: ${outcome.message}`);
    return outcome;
  }

  #volume(name: VolumeName): Volume {
    const { folder, seed } = this.options;
    const path = join(folder, name);
    mkdirSync(path);
    return new Volume(path, seededRandom(seed), seededRandom(seed + 1));
  }
}

const pathOf = (name: VolumeName): string => `/volumes/${name}`;

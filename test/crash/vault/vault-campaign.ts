import { mkdirSync, rmSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import type { CampaignResult } from '../../hostile/campaign-port.ts';
import { seededRandom } from '../../support/random.ts';
import { treeDifferences, treeEntries } from '../../support/tree-entries.ts';
import { copyRepository, damage, leaveBehind } from './damage.ts';
import { failSync, killAtCall, readFailedSync } from './failing-calls.ts';
import { startJob, type Job, type Outcome, type RunningJob } from './job.ts';
import { Ledger } from './ledger.ts';
import { LyingServer } from './lying-server.ts';
import { planCycle, type Fault } from './plan-cycle.ts';
import { ResticJudge } from './restic-judge.ts';
import { leaveFree } from './small-disk.ts';
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

type VolumeName = 'a' | 'b';
type FaultOf<K extends Fault['kind']> = Extract<Fault, { kind: K }>;

/** All data are read, and all snapshots restored, after this many cycles and at the end. */
const readEvery = 10;
const keepLast = 3;
const saidProblems = 20;

/** Two folders, one repository, and `cycles` faults while they are snapshotted, pruned and restored. */
export class VaultCampaign {
  readonly #options: VaultCampaignOptions;
  readonly #random: () => number;
  readonly #volumes: Readonly<Record<VolumeName, Volume>>;
  readonly #repository: string;
  readonly #ledger = new Ledger();
  readonly #judge: ResticJudge;
  readonly #failed: string[] = [];
  readonly #counts: Record<string, number> = { kills: 0, lost: 0, snapshots: 0, restored: 0 };

  constructor(options: VaultCampaignOptions) {
    const { seed, folder, store, password } = options;
    this.#options = options;
    this.#random = seededRandom(seed);
    this.#repository = join(store, 'repository');
    this.#judge = new ResticJudge(password, folder);
    this.#volumes = { a: this.#volume('a', seed), b: this.#volume('b', seed) };
  }

  /** The repository must be there, and empty. */
  async run(): Promise<CampaignResult> {
    const { cycles, seed, report } = this.#options;
    for (const name of ['a', 'b'] as const) await this.#commit(name, startJob(this.#snapshotJob(name)));
    for (let cycle = 1; cycle <= cycles && this.#failed.length === 0; cycle++) {
      const { fault, volume } = planCycle(this.#random);
      const began = performance.now();
      this.#count(fault.kind);
      this.#volumes[volume].change();
      const said = await this.#inflict(fault, volume);
      const readData = cycle % readEvery === 0 || cycle === cycles;
      await this.#verify(readData);
      const ms = Math.round(performance.now() - began);
      report(
        `cycle ${String(cycle).padStart(3)}  seed ${seed}  ${String(ms).padStart(5)} ms  ` +
          `${this.#ledger.size} snapshots  ${JSON.stringify(fault)}: ${said}${readData ? '  all read' : ''}`,
      );
    }
    const failed = this.#failed.slice(0, saidProblems).map((problem) => `seed ${seed}: ${problem}`);
    return { failed, figures: { ...this.#counts, problems: this.#failed.length } };
  }

  /** Resolves with what came of it, for people. */
  async #inflict(fault: Fault, volume: VolumeName): Promise<string> {
    switch (fault.kind) {
      case 'none':
        return await this.#commit(volume, this.#start(volume), { mustSucceed: true });
      case 'killAfter':
        return await this.#commit(volume, this.#killAfter(this.#start(volume), fault.ms));
      case 'killAtFile':
        return await this.#commit(volume, startJob({ ...this.#snapshotJob(volume), killAt: fault }));
      case 'killAtCall':
        if (!this.#options.canTrace) return this.#skip();
        return await this.#commit(volume, this.#start(volume, killAtCall(fault.call, fault.nth)));
      case 'failSync':
        return this.#options.canTrace ? await this.#failSync(fault, volume) : this.#skip();
      case 'diskFull':
        return this.#options.isSmall ? await this.#diskFull(fault, volume) : this.#skip();
      case 'leftovers':
        leaveBehind(this.#repository, this.#random);
        return await this.#commit(volume, this.#start(volume), { mustSucceed: true });
      case 'lyingServer':
        return await this.#lie(fault, volume);
      case 'twoAtOnce':
        return await this.#twoAtOnce(fault);
      case 'pruneBeside':
        return await this.#pruneBeside(fault, volume);
      case 'killPrune':
        return this.#options.canTrace ? await this.#killPrune(fault) : this.#skip();
      case 'damage':
        return await this.#damage(fault);
      default:
        return fault satisfies never;
    }
  }

  async #failSync({ nth }: FaultOf<'failSync'>, volume: VolumeName): Promise<string> {
    const log = join(this.#options.folder, 'fsyncs');
    const job = this.#start(volume, failSync(nth, log));
    const outcome = await job.outcome;
    const said = await this.#commit(volume, job);
    const failed = await readFailedSync(log);
    if (!failed?.path.startsWith(this.#repository)) return `${said}, no fsync of the repository failed`;
    this.#count('syncsFailed');
    // A lock that cannot be taken away is stale in a while, and holds nobody up for longer.
    if (outcome?.kind === 'snapshot' && !failed.path.startsWith(join(this.#repository, 'locks')))
      this.#failed.push(`a snapshot was reported as written though an fsync of ${failed.path} failed`);
    const isFolder = statSync(failed.path, { throwIfNoEntry: false })?.isDirectory() ?? false;
    if (failed.wasRepeated && !isFolder)
      this.#failed.push(`the failed fsync of ${failed.path} was tried again`);
    return `${said}, an fsync of ${failed.path} failed`;
  }

  async #diskFull({ freeBytes }: FaultOf<'diskFull'>, volume: VolumeName): Promise<string> {
    await using _ = await leaveFree(this.#options.store, freeBytes);
    const job = this.#start(volume);
    const outcome = await job.outcome;
    if (outcome?.kind === 'failed' && outcome.code !== 'diskFull')
      this.#failed.push(`a full disk was reported as ${outcome.code}: ${outcome.message}`);
    return await this.#commit(volume, job);
  }

  async #lie({ lie, during }: FaultOf<'lyingServer'>, volume: VolumeName): Promise<string> {
    await using server = await LyingServer.open(this.#repository, lie);
    const location = `rest:${server.url}`;
    const said = await (async () => {
      switch (during) {
        case 'snapshot': {
          // Its memory would spare it most of the questions.
          rmSync(this.#memory(volume), { force: true });
          return await this.#commit(volume, startJob({ ...this.#snapshotJob(volume), location }));
        }
        case 'restore':
          return await this.#restore(location, this.#anyId(), () => server.told === 0);
        case 'check': {
          const outcome = await startJob({ ...this.#job(location), kind: 'check', readData: true }).outcome;
          const isClean = outcome?.kind === 'check' && outcome.damage === 0;
          const harms = ['notFound', 'shortBody', 'cutBody', 'flippedBit'].includes(lie.kind);
          // A bit of a key file may be one of its comments.
          const hasToShow = server.told > 0 && lie.times > 1 && harms && lie.type !== 'keys';
          if (isClean && hasToShow) this.#failed.push(`a check found nothing of ${JSON.stringify(lie)}`);
          if (!isClean && server.told === 0)
            this.#failed.push(`a check of a sound repository says ${this.#words(outcome)}`);
          return this.#words(outcome);
        }
      }
    })();
    if (server.told > 0) this.#count('lies', server.told);
    return `${said}, ${server.told} lies`;
  }

  async #twoAtOnce({ killOneAfterMs }: FaultOf<'twoAtOnce'>): Promise<string> {
    this.#volumes.a.change();
    this.#volumes.b.change();
    const [a, b] = [this.#start('a'), this.#start('b')];
    if (killOneAfterMs !== null) this.#killAfter(a, killOneAfterMs);
    const isSpared = { mustSucceed: true };
    return [
      await this.#commit('a', a, killOneAfterMs === null ? isSpared : {}),
      await this.#commit('b', b, isSpared),
    ].join(', ');
  }

  async #pruneBeside(fault: FaultOf<'pruneBeside'>, volume: VolumeName): Promise<string> {
    const { killPruneAfterMs, startsMs } = fault;
    const start = async (afterMs: number, begin: () => RunningJob): Promise<RunningJob> => {
      await sleep(Math.max(0, afterMs));
      return begin();
    };
    this.#ledger.beginToForget(keepLast, 1);
    const [prune, snapshot] = await Promise.all([
      start(startsMs, () => startJob(this.#pruneJob())),
      start(-startsMs, () => this.#start(volume)),
    ]);
    if (killPruneAfterMs !== null) this.#killAfter(prune, killPruneAfterMs);
    return `${await this.#commit(volume, snapshot)}, ${await this.#forget(prune)}`;
  }

  async #killPrune({ call, nth }: FaultOf<'killPrune'>): Promise<string> {
    this.#ledger.beginToForget(keepLast);
    return await this.#forget(startJob(this.#pruneJob(), killAtCall(call, nth)));
  }

  async #damage({ how, type }: FaultOf<'damage'>): Promise<string> {
    const copy = join(this.#options.folder, 'harmed');
    copyRepository(this.#repository, copy);
    try {
      const name = damage(copy, type, how, this.#random);
      const outcome = await startJob({ ...this.#job(copy), kind: 'check', readData: true }).outcome;
      const isClean = outcome?.kind === 'check' && outcome.damage === 0;
      const complaint = isClean ? await this.#judge.check(copy, { readData: true }) : undefined;
      if (complaint !== undefined)
        this.#failed.push(`${type} ${name ?? ''} is ${how}, and a check finds nothing where ${complaint}`);
      const restored = await this.#restore(copy, this.#anyId(), () => false);
      return `${this.#words(outcome)}, ${restored}`;
    } finally {
      rmSync(copy, { recursive: true, force: true });
    }
  }

  /** Restores, where some of it may be missing or wrong: what is put in place has to be as it was, and what is not has to be said. */
  async #restore(location: string, id: string, isSound: () => boolean): Promise<string> {
    const target = join(this.#options.folder, 'restored', 'target');
    mkdirSync(join(this.#options.folder, 'restored'));
    try {
      const job = { ...this.#job(location), kind: 'restore', snapshot: id, target } as const;
      const outcome = await startJob(job).outcome;
      const isWhole = outcome?.kind === 'restore' && outcome.problemPaths.length === 0;
      if (isSound() && !isWhole)
        this.#failed.push(`a restore of a sound snapshot says ${this.#words(outcome)}`);
      if (outcome?.kind !== 'restore') return this.#words(outcome);
      const listed = outcome.problemPaths;
      const isListed = (path: string): boolean =>
        listed.some((problem) => path === problem || path.startsWith(`${problem}/`));
      const actual = treeEntries(target);
      const expected = [...this.#ledger.entriesOf(id)].filter(
        ([path]) => actual.has(path) || !isListed(path),
      );
      const wrong = treeDifferences(new Map(expected), actual);
      for (const difference of wrong) this.#failed.push(`a restore of ${id} says nothing of ${difference}`);
      return this.#words(outcome);
    } finally {
      rmSync(join(this.#options.folder, 'restored'), { recursive: true, force: true });
    }
  }

  /** After every cycle: restic finds nothing wrong, and every snapshot that was promised is there, as it was promised. */
  async #verify(readData: boolean): Promise<void> {
    const complaint = await this.#judge.check(this.#repository, { readData });
    if (complaint !== undefined) this.#failed.push(complaint);
    const before = new Set(this.#verified);
    const { problems } = this.#ledger.compare(await this.#judge.snapshots(this.#repository));
    this.#count('lost', problems.length);
    this.#failed.push(...problems);
    const due = this.#ledger.ids.filter((id) => readData || !before.has(id));
    for (const id of due) await this.#compare(id);
  }

  readonly #verified = new Set<string>();

  async #compare(id: string): Promise<void> {
    this.#verified.add(id);
    this.#count('restored');
    const actual = await this.#judge.restore(this.#repository, id);
    const wrong = treeDifferences(this.#ledger.entriesOf(id), actual);
    if (wrong.length > 0) this.#count('lost');
    for (const difference of wrong) this.#failed.push(`restic restores of ${id}: ${difference}`);
  }

  async #commit(
    name: VolumeName,
    job: RunningJob,
    { mustSucceed = false }: { mustSucceed?: boolean } = {},
  ): Promise<string> {
    const entries = this.#volumes[name].entries();
    this.#ledger.attempt(pathOf(name), entries);
    const outcome = await this.#outcomeOf(job);
    if (outcome?.kind === 'snapshot') {
      this.#ledger.commit(outcome.id, pathOf(name), entries);
      this.#count('snapshots');
      if (outcome.problems > 0)
        this.#failed.push(`snapshot ${outcome.id} left out ${outcome.problems} entries`);
    } else if (mustSucceed) this.#failed.push(`an undisturbed snapshot: ${this.#words(outcome)}`);
    return this.#words(outcome);
  }

  async #forget(job: RunningJob): Promise<string> {
    const outcome = await this.#outcomeOf(job);
    if (outcome?.kind === 'prune') this.#failed.push(...this.#ledger.forget(outcome.forgotten));
    return this.#words(outcome);
  }

  async #outcomeOf(job: RunningJob): Promise<Outcome | undefined> {
    const outcome = await job.outcome;
    if (outcome === undefined) this.#count('kills');
    if (outcome?.kind === 'failed' && outcome.code === 'bug') this.#failed.push(`a bug: ${outcome.message}`);
    return outcome;
  }

  #words(outcome: Outcome | undefined): string {
    switch (outcome?.kind) {
      case undefined:
        return 'killed';
      case 'snapshot':
        return 'written';
      case 'prune':
        return `${outcome.forgotten.length} forgotten`;
      case 'restore':
        return `restored but for ${outcome.problemPaths.length}`;
      case 'check':
        return `${outcome.damage} damages`;
      case 'failed':
        return `${outcome.code}: ${outcome.message}`;
    }
  }

  #start(name: VolumeName, under: readonly string[] = []): RunningJob {
    return startJob(this.#snapshotJob(name), under);
  }

  #killAfter(job: RunningJob, ms: number): RunningJob {
    const timer = setTimeout(() => job.kill(), ms);
    job.outcome.catch(() => undefined).finally(() => clearTimeout(timer));
    return job;
  }

  #job(location = this.#repository): Pick<Job, 'location' | 'password'> {
    return { location, password: this.#options.password };
  }

  #snapshotJob(name: VolumeName): Extract<Job, { kind: 'snapshot' }> {
    const { folder } = this.#volumes[name];
    return {
      ...{ ...this.#job(), kind: 'snapshot', folder },
      ...{ recordedPath: pathOf(name), memory: this.#memory(name) },
    };
  }

  #pruneJob(): Job {
    return { ...this.#job(), kind: 'prune', keepLast };
  }

  #volume(name: VolumeName, seed: number): Volume {
    const folder = join(this.#options.folder, name);
    mkdirSync(folder);
    return new Volume(folder, seededRandom(seed), seededRandom(seed + 1));
  }

  #memory(name: VolumeName): string {
    return join(this.#options.folder, `memory-${name}`);
  }

  #anyId(): string {
    const { ids } = this.#ledger;
    return ids[Math.floor(this.#random() * ids.length)]!;
  }

  #skip(): string {
    this.#count('skipped');
    return 'skipped';
  }

  #count(name: string, by = 1): void {
    this.#counts[name] = (this.#counts[name] ?? 0) + by;
  }
}

const pathOf = (name: VolumeName): string => `/volumes/${name}`;

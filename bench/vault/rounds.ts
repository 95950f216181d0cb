import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { treeDifferences, treeEntries } from '../../test/support/tree-entries.ts';
import { changeFiles } from './change-files.ts';
import type { Contender, ContenderName, Work } from './contender.ts';
import { warm, type DataSet } from './data-set.ts';
import { repositoryBytes } from './repository-size.ts';
import type { Run } from './run-program.ts';

/** What one program did in one round. */
export type Round = { readonly runs: Partial<Record<Work, Run>>; readonly repositoryBytes: number };
export type Rounds = Readonly<Record<ContenderName, readonly Round[]>>;

type Options = {
  readonly folder: string;
  readonly contenders: readonly Contender[];
  readonly rounds: number;
  readonly report: (line: string) => void;
};
type Measured = { runs: Partial<Record<Work, Run>>; repositoryBytes: number };
type Place = { readonly contender: Contender; readonly repository: string; readonly measured: Measured };

const workNames: Readonly<Record<Work, string>> = {
  first: 'first snapshot',
  unchanged: 'nothing changed',
  changed: '1 % changed',
  restore: 'restore',
};

/**
 * Everything `rounds` times, each time into new repositories; each work is done by all programs, one after the other, before the next,
 * and who begins changes from round to round. Nothing is removed, which is for the caller: where files went in the last minutes, ext4
 * searches long for room for new ones, and who comes next would pay. Rejects when what Holdfast restored is not what is in the folder.
 */
export async function runRounds(data: DataSet, options: Options): Promise<Rounds> {
  const { folder, contenders, rounds, report } = options;
  const results: Record<ContenderName, Round[]> = { holdfast: [], restic: [], borg: [] };
  for (let round = 0; round < rounds; round++) {
    report(`round ${round + 1} of ${rounds}`);
    const base = join(folder, `round-${round}`);
    await mkdir(base);
    const places = await Promise.all(
      inTurn(contenders, round).map((contender) => createPlace(contender, base)),
    );
    await runRound(places, { data, base, round, report, isLast: round === rounds - 1 });
    for (const { contender, measured } of places) results[contender.name].push(measured);
  }
  return results;
}

async function createPlace(contender: Contender, base: string): Promise<Place> {
  const repository = join(base, contender.name);
  await contender.createRepository(repository);
  return { contender, repository, measured: { runs: {}, repositoryBytes: 0 } };
}

type RoundOptions = {
  readonly data: DataSet;
  readonly base: string;
  readonly round: number;
  readonly isLast: boolean;
  readonly report: (line: string) => void;
};

async function runRound(places: readonly Place[], options: RoundOptions): Promise<void> {
  const { data, base, round, isLast, report } = options;
  const snapshot = async (work: Work): Promise<void> => {
    for (const place of doing(places, work)) {
      // borg has the system forget each file that it has read.
      warm(data.folder);
      await settle();
      record(place, work, await place.contender.takeSnapshot(place.repository, data.folder), report);
    }
  };
  await snapshot('first');
  for (const { measured, repository } of places) measured.repositoryBytes = repositoryBytes(repository);
  await snapshot('unchanged');
  report(`${await changeFiles(data.files, round)} of ${data.files.length} files are changed`);
  await snapshot('changed');
  for (const place of doing(places, 'restore')) {
    const target = join(base, `${place.contender.name}-restored`);
    // Who writes packs past the page cache would read them from the disk, who writes them through it from memory.
    warm(place.repository);
    await settle();
    const { run, restored } = await place.contender.restore(place.repository, data.folder, target);
    record(place, 'restore', run, report);
    if (isLast && place.contender.name === 'holdfast') compare(data.folder, restored, report);
  }
}

function compare(folder: string, restored: string, report: (line: string) => void): void {
  const expected = treeEntries(folder);
  const differences = treeDifferences(expected, treeEntries(restored));
  if (differences.length > 0)
    throw new Error(`What was restored is not what was snapshotted:\n${differences.join('\n')}`);
  report(`${expected.size} entries restored, equal in bytes, modes, owners, times and links`);
}

function record({ contender, measured }: Place, work: Work, run: Run, report: (line: string) => void): void {
  measured.runs[work] = run;
  const [wall, cpu] = [run.wallMs, run.cpuMs].map((ms) => `${(ms / 1000).toFixed(2)} s`.padStart(8));
  const megabytes = (run.peakBytes / 1e6).toFixed(0).padStart(4);
  report(
    `  ${workNames[work].padEnd(16)} ${contender.name.padEnd(9)} ${wall} wall  ${cpu} processor  ${megabytes} MB peak`,
  );
}

/** What one program left to be written to the disk must not be the next one's to wait for. */
async function settle(): Promise<void> {
  await promisify(execFile)('sync');
}

const doing = (places: readonly Place[], work: Work): Place[] =>
  places.filter(({ contender }) => contender.does.includes(work));

function inTurn<T>(items: readonly T[], by: number): T[] {
  const first = by % items.length;
  return [...items.slice(first), ...items.slice(0, first)];
}

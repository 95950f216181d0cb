import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { hasPeer } from '../../test/support/has-peer.ts';
import type { Figures, RunOptions } from '../main.ts';
import { median, rounded } from '../statistics.ts';
import { createBorg } from './borg.ts';
import type { ContenderName, Work } from './contender.ts';
import { copyData } from './data-set.ts';
import { createHoldfast } from './holdfast.ts';
import { createRestic } from './restic.ts';
import { runRounds, type Round, type Rounds } from './rounds.ts';

const ratioDigits = 3;

/** Snapshots and restores of a folder beside restic and borg, alternating. */
export async function run(report: (line: string) => void, options: RunOptions): Promise<Figures> {
  for (const peer of ['restic', 'borg'])
    if (!hasPeer(peer)) throw new Error(`There is no ${peer} to compare with. Run scripts/peers.`);
  report('building');
  await promisify(execFile)(process.execPath, [
    fileURLToPath(new URL('../../scripts/build.ts', import.meta.url)),
  ]);
  const folder = await mkdtemp(join(tmpdir(), 'bench-vault-'));
  try {
    const data = await copyData(join(folder, 'data'), options);
    report(`${data.files.length} files, ${(data.bytes / 1e6).toFixed(0)} MB`);
    const contenders = [await createHoldfast(folder), createRestic(folder), createBorg(folder)];
    const rounds = options.quick ? 2 : 3;
    return figuresOf(await runRounds(data, { folder, contenders, rounds, report }));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A ratio is ours / theirs in one round, and the median of the rounds. */
function figuresOf(rounds: Rounds): Figures {
  const ratio = (peer: ContenderName, figure: (round: Round) => number): number => {
    const ratios = rounds.holdfast.map((ours, index) => figure(ours) / figure(rounds[peer][index]!));
    return rounded(median(ratios), ratioDigits);
  };
  const wall = (work: Work) => (round: Round) => round.runs[work]?.wallMs ?? Number.NaN;
  return {
    firstVsRestic: ratio('restic', wall('first')),
    firstVsBorg: ratio('borg', wall('first')),
    unchangedVsRestic: ratio('restic', wall('unchanged')),
    changedVsRestic: ratio('restic', wall('changed')),
    restoreVsRestic: ratio('restic', wall('restore')),
    sizeVsRestic: ratio('restic', (round) => round.repositoryBytes),
    rssVsRestic: ratio('restic', peakBytes),
  };
}

/** Of whatever took most of it. */
function peakBytes({ runs }: Round): number {
  return Math.max(...Object.values(runs).map((one) => one.peakBytes));
}

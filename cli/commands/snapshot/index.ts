import type { Command } from 'commander';
import type { Surroundings } from '../../run.ts';
import { registerCat } from './cat.ts';
import { registerDiff } from './diff.ts';
import { registerFind } from './find.ts';
import { registerForget } from './forget.ts';
import { registerList } from './list.ts';
import { registerLs } from './ls.ts';
import { registerRestoreSnapshot } from './restore.ts';
import { registerTake } from './take.ts';

const registrations = [
  registerTake,
  registerList,
  registerLs,
  registerCat,
  registerDiff,
  registerFind,
  registerRestoreSnapshot,
  registerForget,
];

/** `holdfast snapshot …`, or `holdfast snapshots …`: take snapshots, look into them, have their files back. */
export function registerSnapshot(program: Command, surroundings: Surroundings): void {
  const snapshots = program
    .command('snapshot')
    .alias('snapshots')
    .description('Encrypted snapshots of volumes, or of any folder: take, browse, restore, forget.');
  for (const register of registrations) register(snapshots, surroundings);
}

import type { DataPlan } from '../../agent/vault/restore-volumes.ts';
import { SyncError } from '../../cloud-sync/errors.ts';
import { grouped } from '../grouped.ts';
import { formatBytes } from '../progress.ts';
import { formatTable } from '../table.ts';
import { shortId, shortTime } from '../vault/snapshot-text.ts';

/** Which snapshots come back, what they need and how much room there is. */
export function formatDataPlan({ repository, volumes, without }: DataPlan, root: string): string {
  const free = volumes[0]?.freeBytes ?? null;
  const rows = volumes.map(({ volume, snapshot, time, files, bytes, resumes }) => [
    ...[volume, shortId(snapshot), shortTime(time), grouped(files), formatBytes(bytes)],
    resumes ? 'goes on' : '',
  ]);
  return [
    `Repository ${shortId(repository)}`,
    ...(rows.length === 0
      ? []
      : [formatTable(['VOLUME', 'SNAPSHOT', 'TAKEN (UTC)', 'FILES', 'SIZE', ''], rows)]),
    ...without.map((volume) => `No snapshot of ${volume}: it starts empty.`),
    ...(rows.length === 0
      ? []
      : [
          `Needs ${formatBytes(neededBytes({ volumes }))} in ${root}${free === null ? '' : `, where ${formatBytes(free)} are free`}.`,
        ]),
  ].join('\n');
}

/** All volumes together: each alone is looked at again when its turn comes. Throws SyncError 'diskFull'. */
export function requireRoom({ volumes }: Pick<DataPlan, 'volumes'>): void {
  const free = volumes[0]?.freeBytes ?? null;
  const needed = neededBytes({ volumes });
  if (free === null || needed <= free) return;
  throw new SyncError(
    'diskFull',
    `The volumes need ${formatBytes(needed)}, and ${formatBytes(free)} are free.`,
    {
      hint: 'Make room, choose another --root, or restore without the data: --no-data.',
    },
  );
}

/** What an earlier attempt has written already is not counted. */
function neededBytes({ volumes }: Pick<DataPlan, 'volumes'>): number {
  return volumes.reduce((sum, { neededBytes: needed, resumes }) => sum + (resumes ? 0 : needed), 0);
}

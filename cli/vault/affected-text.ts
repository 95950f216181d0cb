import type { AffectedSnapshot } from '../../cloud-sync/vault/upkeep/affected-paths.ts';
import { grouped } from '../grouped.ts';
import { plural } from '../plural.ts';
import { printable } from '../printable.ts';
import { shortId, shortTime, subjectOf } from './snapshot-text.ts';

const shownPaths = 50;

/** Which files of which snapshots are lost: exactly those. */
export function formatAffected(affected: readonly AffectedSnapshot[]): string[] {
  return affected.flatMap(({ snapshot, paths, count }) => [
    `Snapshot ${shortId(snapshot.id)} of ${subjectOf(snapshot)}, ${shortTime(snapshot.document.time)} UTC, lacks ${plural(count, 'entry', 'entries')}:`,
    ...paths
      .slice(0, shownPaths)
      .map(({ path, kind }) => `  ${printable(path)}${kind === 'folder' ? ' and all below it' : ''}`),
    ...(count > shownPaths ? [`  and ${grouped(count - shownPaths)} more: --json lists them`] : []),
  ]);
}

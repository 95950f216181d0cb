import type { SnapshotOutcome } from '../../cloud-sync/vault/snapshot/snapshot-request.ts';
import { formatDuration } from '../duration-text.ts';
import { grouped } from '../grouped.ts';
import { plural } from '../plural.ts';
import { formatBytes } from '../progress.ts';
import { formatProblems } from './problem-text.ts';
import { shortId } from './snapshot-text.ts';

/** What a snapshot took. `subject`: a volume or a folder. */
export function formatOutcome(subject: string, outcome: SnapshotOutcome): string {
  const { id, skipped, totalBytes, newBytes, storedBytes, durationMs, problems, problemCount } = outcome;
  const { new: added, changed, unmodified } = outcome.files;
  const files = added + changed + unmodified;
  if (skipped)
    return `Nothing changed in ${subject} since snapshot ${shortId(id)} (${formatDuration(durationMs)}).`;
  return [
    `Snapshot ${shortId(id)} of ${subject}: ${plural(files, 'file')}, ${formatBytes(totalBytes)} in ${formatDuration(durationMs)}.`,
    `  files   ${grouped(added)} new, ${grouped(changed)} changed, ${grouped(unmodified)} as before`,
    `  stored  ${formatBytes(storedBytes)} for ${formatBytes(newBytes)} that the repository did not have`,
    ...formatProblems(
      { problems, problemCount },
      { heading: (count) => `${plural(count, 'entry', 'entries')} could not be taken as they were:` },
    ),
  ].join('\n');
}

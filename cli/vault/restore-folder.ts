import { readdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { planRestore } from '../../cloud-sync/vault/restore/plan-restore.ts';
import type { RestorePlan } from '../../cloud-sync/vault/restore/restore-plan.ts';
import type { RestoreOutcome } from '../../cloud-sync/vault/restore/restore-request.ts';
import { restoreSnapshot } from '../../cloud-sync/vault/restore/restore-snapshot.ts';
import { confirm } from '../confirm.ts';
import { formatDuration } from '../duration-text.ts';
import { CliError } from '../errors.ts';
import { plural } from '../plural.ts';
import { printable } from '../printable.ts';
import { formatBytes, Progress } from '../progress.ts';
import type { Run } from '../run.ts';
import { lostEntriesHint, otherFilesText } from './lost-entries-hint.ts';
import { openSnapshots } from './open-snapshots.ts';
import { formatProblems } from './problem-text.ts';
import { quietLogger } from './quiet-logger.ts';
import { formatRestoreProgress } from './restore-progress-text.ts';
import { shortId, shortTime, subjectOf } from './snapshot-text.ts';
import type { VaultOptions } from './vault-options.ts';

export type RestoreOptions = VaultOptions & {
  readonly path?: string;
  readonly target: string;
  readonly replace?: true;
  readonly allowDamaged?: true;
  readonly dryRun?: true;
  readonly yes?: true;
};

/** Shows what would come back and how much room there is, then restores it. */
export async function restoreFolder(run: Run, options: RestoreOptions, name: string): Promise<void> {
  const { signal } = run;
  const logger = quietLogger(run);
  const { path, replace = false, allowDamaged, dryRun } = options;
  // Of a script whose variable is not set: the folder that it runs in is not to be replaced.
  if (options.target === '')
    throw new CliError('usage', '--target is empty.', { hint: 'Name a folder; this one is --target .' });
  const target = resolve(options.target);
  await requireRoom(target, options);
  await using opened = await openSnapshots(run, options);
  const { repository } = opened;
  const { id } = opened.choose(name);
  const what = { snapshot: id, target, ...(path !== undefined && { path }) };
  const plan = await planRestore(repository, what, { signal });
  if (dryRun) {
    run.out.result(jsonOfPlan(plan, target), () => formatPlan(plan, target));
    return;
  }
  run.out.note(formatPlan(plan, target));
  if (replace) await confirm(run, `What ${target} holds now will be gone. Restore?`, options);
  using progress = new Progress(run.io, { label: 'Restoring', enabled: !run.out.json });
  const outcome = await restoreSnapshot({
    ...{ repository, ...what, plan, replace, logger, signal },
    ...(allowDamaged && { allowDamaged }),
    onProgress: (now) => progress.line(() => formatRestoreProgress(now)),
  });
  progress[Symbol.dispose]();
  report(run, outcome, target);
}

function formatPlan(plan: RestorePlan, target: string): string {
  const { snapshot, files, bytes, neededBytes, freeBytes, isResumable, problems } = plan;
  const { document, id } = snapshot;
  const room = freeBytes === null ? '' : `, ${formatBytes(freeBytes)} free`;
  return [
    `Snapshot ${shortId(id)} of ${subjectOf(snapshot)} on ${printable(document.hostname)}, ${shortTime(document.time)} UTC`,
    `  ${plural(files, 'file')}, ${formatBytes(bytes)}; reads ${formatBytes(plan.packsBytes)} from the repository`,
    `  to ${target}: ${formatBytes(neededBytes)} needed${room}`,
    ...(isResumable ? ['  An earlier restore was cut short: what it wrote is verified and kept.'] : []),
    ...formatProblems(
      { problems, problemCount: problems.length },
      { heading: (count) => `${plural(count, 'entry', 'entries')} cannot be given back:` },
    ),
  ].join('\n');
}

function jsonOfPlan({ snapshot, ...plan }: RestorePlan, target: string): object {
  const { id, document, receivedMs } = snapshot;
  const { time, hostname, paths } = document;
  return { snapshot: { id, time, hostname, paths, receivedMs }, target, ...plan };
}

/** Files that are left out are a failure, whether or not the rest is in place. What of their attributes could not be set is not. */
function report(run: Run, outcome: RestoreOutcome, target: string): void {
  const lost = outcome.problems.filter(({ code }) => code !== 'attribute');
  const lines = formatProblems(outcome, {
    heading: (count) => `${plural(count, 'entry', 'entries')} could not be given back as they were:`,
  });
  if (lost.length === 0) {
    run.out.result({ target, ...outcome }, () => [summary(outcome, target), ...lines].join('\n'));
    return;
  }
  const place = outcome.placed ? otherFilesText(outcome.files, target) : `${target} was left as it is.`;
  const message = `${plural(lost.length, 'entry', 'entries')} of snapshot ${shortId(outcome.snapshot)} could not be restored. ${place}`;
  throw new CliError('damaged', message, {
    details: lines,
    data: { target, ...outcome },
    hint: lostEntriesHint(lost, outcome.placed),
  });
}

function summary(
  { snapshot, files, bytes, resumedBytes, durationMs }: RestoreOutcome,
  target: string,
): string {
  const resumed = resumedBytes === 0 ? '' : `, ${formatBytes(resumedBytes)} of it from an earlier attempt`;
  return `Restored snapshot ${shortId(snapshot)} to ${target}: ${plural(files, 'file')}, ${formatBytes(bytes)}${resumed} in ${formatDuration(durationMs)}.`;
}

/** Before anything is opened or asked for. */
async function requireRoom(target: string, { replace, dryRun }: RestoreOptions): Promise<void> {
  if (replace || dryRun) return;
  const entries = await readdir(target).catch(() => []);
  if (entries.length === 0) return;
  throw new CliError('exists', `Cannot restore into ${target}: it is not empty.`, {
    hint: 'Name an empty or a new folder, or exchange what is there with --replace.',
  });
}

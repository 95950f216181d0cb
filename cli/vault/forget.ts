import type { Repository } from '../../cloud-sync/vault/repository.ts';
import { SnapshotFloor } from '../../cloud-sync/vault/upkeep/floor.ts';
import { forgetSnapshots } from '../../cloud-sync/vault/upkeep/forget.ts';
import { confirm } from '../confirm.ts';
import { grouped } from '../grouped.ts';
import { plural } from '../plural.ts';
import { printable } from '../printable.ts';
import { formatBytes } from '../progress.ts';
import type { Run } from '../run.ts';
import { formatTable } from '../table.ts';
import { openAt, openOwn } from './open-vault.ts';
import { planForget, type ForgetOptions, type ForgetPlan } from './plan-forget.ts';
import { runPrune } from './prune-vault.ts';
import { quietLogger } from './quiet-logger.ts';
import { readSnapshots } from './read-snapshots.ts';
import { forRepository } from './repository-hint.ts';
import { shortId, shortTime, subjectOf } from './snapshot-text.ts';
import { repositoryLocation } from './vault-options.ts';

/** Shows which snapshots stay and go, asks, and forgets them; with `--prune` also what only they needed. */
export async function forget(run: Run, options: ForgetOptions, names: readonly string[]): Promise<void> {
  const { dryRun = false, prune = false } = options;
  const location = repositoryLocation(run, options);
  const own = location === undefined ? await openOwn(run) : undefined;
  const opened = own ?? (await openAt(run, location ?? '', options));
  await using repository = opened.repository;
  const damaged: string[] = [];
  const snapshots = await readSnapshots(run, repository, (id) => damaged.push(id));
  const plan = planForget(snapshots, { options, names, damaged, own, nowMs: Date.now() });
  const data = { dryRun, ...jsonOf(plan) };
  const count = idsOf(plan).length;
  const isNothing = count === 0;
  if (dryRun || (isNothing && !prune)) {
    run.out.result(data, () => formatPlan(plan));
    return;
  }
  run.out.note(formatPlan(plan));
  if (!isNothing) await confirm(run, `Forget ${plural(count, 'snapshot')} for good?`, options);
  await remove(run, repository, { plan, floor: own?.floor });
  const freedBytes = prune ? (await runPrune(run, repository, {})).bytes.freed : null;
  run.out.result({ ...data, freedBytes }, () =>
    [
      `Forgot ${plural(count, 'snapshot')}.`,
      freedBytes === null
        ? forRepository(' What only they needed goes with: holdfast vault prune.', options.repository)
        : ` Freed ${formatBytes(freedBytes)}.`,
    ].join(''),
  );
}

type Removal = { readonly plan: ForgetPlan; readonly floor: string | undefined };

/** The agent is told first: else it would take what is gone for an older state that the store shows. */
async function remove(run: Run, repository: Repository, { plan, floor }: Removal): Promise<void> {
  const ids = idsOf(plan);
  if (floor !== undefined) await (await SnapshotFloor.open(floor, repository.id)).forget(ids);
  await forgetSnapshots(repository, { snapshots: ids, signal: run.signal, logger: quietLogger(run) });
}

function idsOf({ forgotten, givenUp }: ForgetPlan): string[] {
  return [...forgotten.map(({ id }) => id), ...givenUp];
}

function formatPlan({ kept, forgotten, givenUp }: ForgetPlan): string {
  if (kept.length + forgotten.length + givenUp.length === 0) return 'There are no snapshots to choose from.';
  const rows = [
    ...kept.map(({ snapshot, reasons }) => ({ snapshot, fate: 'keep', why: reasons.join(', ') })),
    ...forgotten.map((snapshot) => ({ snapshot, fate: 'forget', why: '' })),
  ].sort((a, b) => (a.snapshot.document.time < b.snapshot.document.time ? -1 : 1));
  return [
    formatTable(
      ['', 'ID', 'TIME (UTC)', 'OF', 'HOST', 'WHY'],
      rows
        .map(({ snapshot, fate, why }) => [
          ...[fate, shortId(snapshot.id), shortTime(snapshot.document.time), subjectOf(snapshot)],
          ...[printable(snapshot.document.hostname), why],
        ])
        .concat(givenUp.map((id) => ['forget', shortId(id), '', 'does not verify', '', ''])),
    ),
    `To keep: ${grouped(kept.length)}. To forget: ${grouped(forgotten.length + givenUp.length)}.`,
  ].join('\n');
}

function jsonOf(plan: ForgetPlan): object {
  const { kept } = plan;
  return {
    kept: kept.map(({ snapshot, reasons }) => ({ id: snapshot.id, reasons })),
    forgotten: idsOf(plan),
  };
}

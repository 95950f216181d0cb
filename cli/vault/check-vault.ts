import { checkRepository, type CheckReport } from '../../cloud-sync/vault/upkeep/check.ts';
import { CliError } from '../errors.ts';
import { grouped } from '../grouped.ts';
import { plural } from '../plural.ts';
import { printable } from '../printable.ts';
import { formatBytes, Progress } from '../progress.ts';
import type { Run } from '../run.ts';
import { formatAffected } from './affected-text.ts';
import { showInspection } from './inspect-progress.ts';
import { openVault } from './open-vault.ts';
import { quietLogger } from './quiet-logger.ts';
import { forRepository } from './repository-hint.ts';
import { shortId } from './snapshot-text.ts';
import type { VaultOptions } from './vault-options.ts';

export type CheckOptions = VaultOptions & { readonly readData?: ReadData };
/** Everything, or one of so many parts, counted from 1. */
export type ReadData = true | { readonly part: number; readonly of: number };

const shownDamages = 20;

/** Verifies the repository of the options. Damage is CliError 'damaged', with the paths of each snapshot that it costs. */
export async function checkVault(run: Run, options: CheckOptions): Promise<void> {
  const { signal } = run;
  await using repository = await openVault(run, options);
  using progress = new Progress(run.io, { label: 'Checking', enabled: !run.out.json });
  const report = await checkRepository(repository, {
    ...(options.readData !== undefined && { readData: options.readData }),
    ...{ signal, logger: quietLogger(run) },
    onProgress: showInspection(progress),
  });
  progress[Symbol.dispose]();
  const data = jsonOf(repository.id, report);
  if (report.damages.length === 0 && report.affected.length === 0) {
    run.out.result(data, () => `No damage. ${forRepository(describeLook(report), options.repository)}`);
    return;
  }
  const message = `${repository.backend.location} is damaged: ${plural(report.damages.length, 'problem')}, ${plural(report.affected.length, 'snapshot')} affected.`;
  throw new CliError('damaged', message, {
    details: formatDamage(report),
    data,
    hint: 'Bring the missing files back if there is a copy. Else: holdfast vault repair index, then holdfast vault repair snapshots.',
  });
}

function describeLook({ looked, leftOver }: CheckReport): string {
  const read =
    looked.packsRead === 0
      ? 'the sizes of '
      : looked.packsRead === looked.packs
        ? 'every byte of '
        : `every byte of ${looked.packsRead} of `;
  const left =
    leftOver.packs === 0
      ? ''
      : `\n${plural(leftOver.packs, 'pack')} (${formatBytes(leftOver.bytes)}) are left over from work that was cut short: holdfast vault prune takes them.`;
  return `Looked at ${plural(looked.snapshots, 'snapshot')}, ${plural(looked.trees, 'tree')}, ${plural(looked.blobs, 'blob')}, and ${read}${plural(looked.packs, 'pack')}.${left}`;
}

/** Blobs are counted: which files they cost is what people want to know. */
function formatDamage({ damages, affected }: CheckReport): string[] {
  const files = damages.filter(({ kind }) => kind !== 'data' && kind !== 'tree');
  const blobs = damages.length - files.length;
  const more = files.length - shownDamages;
  return [
    ...files
      .slice(0, shownDamages)
      .map(({ kind, name, message }) => `${kind} ${shortId(name)}: ${printable(message)}`),
    ...(more > 0 ? [`and ${grouped(more)} more: --json lists them`] : []),
    ...(blobs > 0 ? [`${plural(blobs, 'blob')} in no whole pack: --json lists them`] : []),
    ...formatAffected(affected),
  ];
}

function jsonOf(repository: string, { affected, ...report }: CheckReport): Record<string, unknown> {
  const snapshots = affected.map(({ snapshot, paths, count }) => ({ snapshot: snapshot.id, count, paths }));
  return { repository, ...report, affected: snapshots };
}

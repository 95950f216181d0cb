import {
  needsIndexRepair,
  planIndexRepair,
  type IndexRepairPlan,
} from '../../cloud-sync/vault/upkeep/plan-index-repair.ts';
import { repairIndex } from '../../cloud-sync/vault/upkeep/repair-index.ts';
import { confirm } from '../confirm.ts';
import { Progress } from '../progress.ts';
import type { Run } from '../run.ts';
import { showInspection } from './inspect-progress.ts';
import { openVault } from './open-vault.ts';
import { quietLogger } from './quiet-logger.ts';
import { forRepository } from './repository-hint.ts';
import type { VaultOptions } from './vault-options.ts';

export type RepairOptions = VaultOptions & {
  readonly readData?: true;
  readonly dryRun?: true;
  readonly yes?: true;
};

const repaired = 'The index says what the packs hold. See what is still missing: holdfast vault check.';

/** Shows what is wrong with the index, asks, and makes it say what the packs hold. */
export async function repairVaultIndex(run: Run, options: RepairOptions): Promise<void> {
  const { signal } = run;
  const { readData = false, dryRun = false } = options;
  await using repository = await openVault(run, options);
  using progress = new Progress(run.io, { label: 'Reading', enabled: !run.out.json });
  const how = { readData, signal, onProgress: showInspection(progress) };
  const plan = await planIndexRepair(repository, how);
  progress[Symbol.dispose]();
  if (dryRun || !needsIndexRepair(plan)) {
    run.out.result({ dryRun, ...jsonOf(plan) }, () => formatPlan(plan));
    return;
  }
  run.out.note(formatPlan(plan));
  await confirm(run, 'Write the index anew?', options);
  using repairing = new Progress(run.io, { label: 'Repairing', enabled: !run.out.json });
  const done = await repairIndex(repository, {
    ...{ readData, signal, logger: quietLogger(run) },
    onProgress: showInspection(repairing),
  });
  repairing[Symbol.dispose]();
  run.out.result({ dryRun, ...jsonOf(done) }, () => forRepository(repaired, options.repository));
}

function formatPlan(plan: IndexRepairPlan): string {
  if (!needsIndexRepair(plan)) return 'The index is right: there is nothing to repair.';
  const { damagedIndexFiles, reindexed, salvaged, dropped } = plan;
  return [
    `Index files to write anew: ${plan.indexFiles.length}, of which damaged: ${damagedIndexFiles.length}`,
    `  packs that stay as they are in it           ${plan.kept.length}`,
    `  packs that it lacks or has wrong, come in   ${reindexed.length}`,
    `  damaged packs, what is whole in them moves  ${salvaged.length}`,
    `  packs missing, or with nothing whole, go    ${dropped.length}`,
  ].join('\n');
}

function jsonOf({ damagedIndexFiles, kept, reindexed, salvaged, dropped }: IndexRepairPlan): object {
  const names = (packs: readonly { readonly pack: string }[]) => packs.map(({ pack }) => pack);
  return {
    ...{ damagedIndexFiles, kept: kept.length, reindexed: names(reindexed) },
    ...{ salvaged: names(salvaged), dropped },
  };
}

import type { CampaignResult } from '../../hostile/campaign-port.ts';
import { treeDifferences } from '../../support/tree-entries.ts';
import { CampaignWorld, type VaultCampaignOptions } from './campaign-world.ts';
import { inflict } from './inflict.ts';
import { planCycle } from './plan-cycle.ts';

/** All data are read, and all snapshots restored, after this many cycles and at the end. */
const readEvery = 10;
/** One cause shows in many entries. */
const saidProblems = 20;

/** Runs `cycles` faults against a repository, which must be there and empty. */
export async function runVaultCampaign(options: VaultCampaignOptions): Promise<CampaignResult> {
  const { cycles, seed, report } = options;
  const world = new CampaignWorld(options);
  const verified = new Set<string>();
  for (const name of ['a', 'b'] as const) await world.commit(name, world.start(name), { mustSucceed: true });
  for (let cycle = 1; cycle <= cycles && world.failed.length === 0; cycle++) {
    const { fault, volume } = planCycle(world.random);
    const began = performance.now();
    world.count(fault.kind);
    world.volumes[volume].change();
    const said = await inflict(world, fault, volume);
    const isDue = cycle % readEvery === 0 || cycle === cycles;
    await verify(world, { verified, readData: isDue });
    const ms = Math.round(performance.now() - began);
    report(
      `cycle ${String(cycle).padStart(3)}  seed ${seed}  ${String(ms).padStart(5)} ms  ` +
        `${world.ledger.size} snapshots  ${JSON.stringify(fault)}: ${said}${isDue ? '  all read' : ''}`,
    );
  }
  const failed = world.failed.slice(0, saidProblems).map((problem) => `seed ${seed}: ${problem}`);
  return { failed, figures: { ...world.counts, problems: world.failed.length } };
}

type Verifying = { readonly verified: Set<string>; readonly readData: boolean };

/** After every cycle: restic finds nothing wrong, and every snapshot that was promised is there, as it was promised. */
async function verify(world: CampaignWorld, { verified, readData }: Verifying): Promise<void> {
  const { judge, ledger, repository, failed } = world;
  const complaint = await judge.check(repository, { readData });
  if (complaint !== undefined) {
    failed.push(complaint);
    return; // restic would try for a minute to read what is not there.
  }
  const problems = ledger.compare(await judge.snapshots(repository));
  world.count('lost', problems.length);
  failed.push(...problems);
  for (const id of ledger.ids.filter((one) => readData || !verified.has(one))) {
    verified.add(id);
    world.count('restored');
    const restored = await judge.restore(repository, id);
    const wrong = typeof restored === 'string' ? [restored] : treeDifferences(ledger.entriesOf(id), restored);
    if (wrong.length > 0) world.count('lost');
    failed.push(...wrong.map((difference) => `restic restores of ${id}: ${difference}`));
  }
}

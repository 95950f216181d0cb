import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { keepLast, type CampaignWorld, type VolumeName } from './campaign-world.ts';
import { copyRepository, damage, leaveBehind } from './damage.ts';
import { failSync, killAtCall, readFailedSync } from './failing-calls.ts';
import { startJob, type RunningJob } from './job.ts';
import { LyingServer } from './lying-server.ts';
import { outcomeText } from './outcome-text.ts';
import type { Fault } from './plan-cycle.ts';
import { leaveFree } from './small-disk.ts';

type FaultOf<K extends Fault['kind']> = Extract<Fault, { kind: K }>;

/** Lies that a check has to see when they do not end. */
const harmful = ['notFound', 'shortBody', 'cutBody', 'flippedBit'];

/** One fault, while a volume is snapshotted or the repository is worked on. Resolves with what came of it, for people. */
export async function inflict(world: CampaignWorld, fault: Fault, volume: VolumeName): Promise<string> {
  const { canTrace, isSmall } = world.options;
  switch (fault.kind) {
    case 'none':
      return world.commit(volume, world.start(volume), { mustSucceed: true });
    case 'killAfter':
      return world.commit(volume, world.killAfter(world.start(volume), fault.ms));
    case 'killAtFile':
      return world.commit(volume, startJob({ ...world.snapshotJob(volume), killAt: fault }));
    case 'killAtCall':
      if (!canTrace) return skip(world);
      return world.commit(volume, world.start(volume, killAtCall(fault.call, fault.nth)));
    case 'failSync':
      return canTrace ? failOneSync(world, fault, volume) : skip(world);
    case 'diskFull':
      return isSmall ? fillTheDisk(world, fault, volume) : skip(world);
    case 'leftovers':
      leaveBehind(world.repository, world.random);
      return world.commit(volume, world.start(volume), { mustSucceed: true });
    case 'lyingServer':
      return lie(world, fault, volume);
    case 'twoAtOnce':
      return twoAtOnce(world, fault);
    case 'pruneBeside':
      return pruneBeside(world, fault, volume);
    case 'killPrune':
      if (!canTrace) return skip(world);
      world.ledger.beginToForget(keepLast);
      return world.forget(world.startPrune(killAtCall(fault.call, fault.nth)));
    case 'killRestore':
      return world.restore(world.repository, { isSound: () => true, killAfterMs: fault.ms });
    case 'resticPrune':
      world.ledger.beginToForget(keepLast);
      await world.judge.prune(world.repository, keepLast);
      return world.commit(volume, world.start(volume), { mustSucceed: true });
    case 'damage':
      return harm(world, fault);
    default:
      return fault satisfies never;
  }
}

async function failOneSync(
  world: CampaignWorld,
  { nth }: FaultOf<'failSync'>,
  volume: VolumeName,
): Promise<string> {
  const log = join(world.options.folder, 'fsyncs');
  const job = world.start(volume, failSync(nth, log));
  const said = await world.commit(volume, job);
  const failed = await readFailedSync(log);
  if (!failed?.path.startsWith(world.repository)) return `${said}, no fsync of the repository failed`;
  world.count('syncsFailed');
  const outcome = await job.outcome;
  // A lock that cannot be taken away is stale in a while, and holds nobody up for longer.
  if (outcome?.kind === 'snapshot' && !failed.path.startsWith(join(world.repository, 'locks')))
    world.failed.push(`a snapshot was reported as written though an fsync of ${failed.path} failed`);
  const isFolder = statSync(failed.path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  if (failed.wasRepeated && !isFolder)
    world.failed.push(`the failed fsync of ${failed.path} was tried again`);
  return `${said}, an fsync of ${failed.path} failed`;
}

async function fillTheDisk(
  world: CampaignWorld,
  { freeBytes }: FaultOf<'diskFull'>,
  volume: VolumeName,
): Promise<string> {
  await using _ = await leaveFree(world.options.store, freeBytes);
  const job = world.start(volume);
  const said = await world.commit(volume, job);
  const outcome = await job.outcome;
  if (outcome?.kind === 'failed' && outcome.code !== 'diskFull')
    world.failed.push(`a full disk was reported as ${said}`);
  return said;
}

async function lie(
  world: CampaignWorld,
  { lie, during }: FaultOf<'lyingServer'>,
  volume: VolumeName,
): Promise<string> {
  await using server = await LyingServer.open(world.repository, lie);
  const location = `rest:${server.url}`;
  const said = await (async () => {
    switch (during) {
      case 'snapshot':
        // Its memory would spare it most of the questions.
        rmSync(world.memory(volume), { force: true });
        return world.commit(volume, startJob({ ...world.snapshotJob(volume), location }));
      case 'restore':
        return world.restore(location, { isSound: () => server.told === 0 });
      case 'check': {
        const outcome = await world.check(location);
        const isClean = outcome?.kind === 'check' && outcome.damage === 0;
        // A bit of a key file may be one of its comments.
        const mustShow = server.told > 0 && lie.times > 1 && lie.type !== 'keys';
        if (isClean && mustShow && harmful.includes(lie.kind))
          world.failed.push(`a check found nothing of ${JSON.stringify(lie)}`);
        if (!isClean && server.told === 0)
          world.failed.push(`a check of a sound repository says ${outcomeText(outcome)}`);
        return outcomeText(outcome);
      }
    }
  })();
  if (server.told > 0) world.count('lies', server.told);
  return `${said}, ${server.told} lies`;
}

async function twoAtOnce(world: CampaignWorld, { killOneAfterMs }: FaultOf<'twoAtOnce'>): Promise<string> {
  world.volumes.a.change();
  world.volumes.b.change();
  const [a, b] = [world.start('a'), world.start('b')];
  if (killOneAfterMs !== null) world.killAfter(a, killOneAfterMs);
  const said = [
    await world.commit('a', a, { mustSucceed: killOneAfterMs === null }),
    await world.commit('b', b, { mustSucceed: true }),
  ];
  return said.join(', ');
}

async function pruneBeside(
  world: CampaignWorld,
  { killPruneAfterMs, startsMs }: FaultOf<'pruneBeside'>,
  volume: VolumeName,
): Promise<string> {
  const startAfter = async (ms: number, start: () => RunningJob): Promise<RunningJob> => {
    await sleep(Math.max(0, ms));
    return start();
  };
  world.ledger.beginToForget(keepLast, 1);
  const [prune, snapshot] = await Promise.all([
    startAfter(startsMs, () => world.startPrune()),
    startAfter(-startsMs, () => world.start(volume)),
  ]);
  if (killPruneAfterMs !== null) world.killAfter(prune, killPruneAfterMs);
  return `${await world.commit(volume, snapshot)}, ${await world.forget(prune)}`;
}

async function harm(world: CampaignWorld, { how, type }: FaultOf<'damage'>): Promise<string> {
  const copy = join(world.options.folder, 'harmed');
  copyRepository(world.repository, copy);
  try {
    const name = damage(copy, type, how, world.random);
    const outcome = await world.check(copy);
    const isClean = outcome?.kind === 'check' && outcome.damage === 0;
    const complaint = isClean ? await world.judge.check(copy, { readData: true }) : undefined;
    if (complaint !== undefined)
      world.failed.push(`${type} ${name ?? ''} is ${how}, and a check finds nothing where ${complaint}`);
    return `${outcomeText(outcome)}, ${await world.restore(copy, { isSound: () => false })}`;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

function skip(world: CampaignWorld): string {
  world.count('skipped');
  return 'skipped';
}

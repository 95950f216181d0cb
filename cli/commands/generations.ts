import type { Command } from 'commander';
import type { ListedGeneration } from '../../agent/control/generation-protocol.ts';
import type { GenerationEntry } from '../../cloud-sync/protocol/api.ts';
import { openCloud } from '../cloud.ts';
import { agentRoot } from '../context.ts';
import { examples, parseName } from '../options.ts';
import { action, type Run, type Surroundings } from '../run.ts';
import { formatTable } from '../table.ts';

export function registerGenerations(program: Command, surroundings: Surroundings): void {
  program
    .command('generations')
    .description('List the generations of this device, or of DEVICE as the cloud knows them.')
    .argument('[device]', 'Ask the cloud about this device.', parseName)
    .addHelpText(
      'after',
      examples('holdfast generations', 'holdfast generations greenhouse-7', 'holdfast generations --json'),
    )
    .action(action(surroundings, generations));
}

async function generations(run: Run, _options: object, device: string | undefined): Promise<void> {
  if (device === undefined) {
    const { ControlClient } = await import('../../agent/control/client.ts');
    await using agent = ControlClient.forRoot(agentRoot(run));
    const known = await agent.generations.list(run.signal);
    run.out.result({ generations: known }, () => formatKnown(known));
    return;
  }
  await using cloud = await openCloud(run);
  const listed = await cloud.call((client) => client.generations(device, { signal: run.signal }));
  run.out.result({ device, generations: listed }, () => formatListed(listed));
}

function formatKnown(known: readonly ListedGeneration[]): string {
  if (known.length === 0) return 'No generations yet. Deploy one: holdfast deploy machine.yaml';
  const rows = known.map(({ generation, digest, current, phase, reason, time, pinned }) => [
    `${generation}${current ? ' *' : ''}`,
    phase,
    time ?? '-',
    pinned ? 'pinned' : '',
    shortDigest(digest),
    reason ?? '',
  ]);
  const table = formatTable(['GENERATION', 'PHASE', 'ENDED', 'PIN', 'DIGEST', 'WHY'], rows);
  return known.some(({ current }) => current) ? `${table}\n* runs` : table;
}

function formatListed(listed: readonly GenerationEntry[]): string {
  if (listed.length === 0) return 'No generations yet. Deploy one: holdfast deploy machine.yaml';
  const rows = listed.map(({ generation, digest, created, phase, hold, reason }) => [
    String(generation),
    phase ?? 'unknown',
    hold ? 'held' : '',
    created,
    shortDigest(digest),
    reason ?? '',
  ]);
  return formatTable(['GENERATION', 'PHASE', 'HOLD', 'DEPLOYED', 'DIGEST', 'WHY'], rows);
}

function shortDigest(digest: string): string {
  return digest.slice(0, 'sha256:'.length + 12);
}

import type { CampaignOptions, CampaignResult } from '../campaign-port.ts';
import { openCloudTarget } from './cloud-target.ts';
import { fuzz, type FuzzReport } from './fuzz.ts';
import { openLocalTarget } from './local-target.ts';

/** Malformed packets for the broker of a device and for the one of the cloud, `seconds` each. */
export async function run({ seconds, seed, report }: CampaignOptions): Promise<CampaignResult> {
  const failed: string[] = [];
  const figures: Record<string, number> = {};
  for (const open of [openLocalTarget, openCloudTarget]) {
    await using target = await open();
    const result = await fuzz(target, { seconds, seed });
    report(lineOf(target.name, result));
    failed.push(...result.problems.map((problem) => `${target.name}, seed ${seed}: ${problem}`));
    const { connections, roundTrips, slowestMs, base, end } = result;
    Object.assign(figures, {
      [`${target.name}Connections`]: connections,
      [`${target.name}RoundTrips`]: roundTrips,
      [`${target.name}SlowestMs`]: Math.round(slowestMs),
      [`${target.name}HeapGrowth`]: Number((end.heapBytes / base.heapBytes - 1).toFixed(3)),
      [`${target.name}RssGrowth`]: Number((end.rssBytes / base.rssBytes - 1).toFixed(3)),
    });
  }
  return { figures, failed };
}

function lineOf(
  name: string,
  { connections, roundTrips, slowestMs, base, end, problems }: FuzzReport,
): string {
  const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);
  return [
    (problems.length > 0 ? 'FAILED' : 'ok').padEnd(6),
    name.padEnd(6),
    `${connections} connections`,
    `${roundTrips} round trips of the witness, the slowest ${Math.round(slowestMs)} ms`,
    `heap ${mib(base.heapBytes)} to ${mib(end.heapBytes)} MiB`,
    `resident ${mib(base.rssBytes)} to ${mib(end.rssBytes)} MiB`,
    `${end.sockets} sockets and ${end.files} files open`,
  ].join('  ');
}

import { seededRandom } from '../../support/random.ts';
import type { CampaignOptions, CampaignResult } from '../campaign-port.ts';
import { corpus } from './corpus.ts';
import type { HostileProgram } from './program.ts';
import { runProgram, type ProgramReport } from './run-program.ts';

/** A function is killed this long after its wall-clock limit at the latest, what the machine takes to do so included. */
const maxKillMs = 500;
/** How much longer an event of a neighbour may take, by the 99th percentile, than with nobody beside it. */
const maxNeighbourRatio = 2;
/** How long it is alone before each program, so that both figures are of the same minutes. */
const idleMs = 500;

type Entry = { readonly group: string; readonly program: HostileProgram };

/** Runs the whole corpus `cycles` times in an order of the seed, and measures what a neighbour notices. */
export async function run({ cycles, seed, report }: CampaignOptions): Promise<CampaignResult> {
  let agentCrashes = 0;
  for (const event of ['uncaughtException', 'unhandledRejection']) process.on(event, () => agentCrashes++);
  const entries = Object.entries(corpus).flatMap(([group, programs]) =>
    programs.map((program): Entry => ({ group, program })),
  );
  const reports: { readonly entry: Entry; readonly report: ProgramReport }[] = [];
  const random = seededRandom(seed);
  for (let cycle = 1; cycle <= cycles; cycle++) {
    for (const entry of shuffled(entries, random)) {
      const outcome = await runProgram(entry.program, { idleMs });
      reports.push({ entry, report: outcome });
      report(line(entry, outcome));
    }
  }
  const all = reports.flatMap(({ report: { neighbourMs } }) => neighbourMs);
  const idle = reports.flatMap(({ report: { neighbourIdleMs } }) => neighbourIdleMs);
  report(`neighbour alone: ${summary(idle)}; beside them: ${summary(all)}`);
  const failed = reports.flatMap(({ entry, report: { problems } }) =>
    problems.map((problem) => `${entry.group}: a function that ${entry.program.name}: ${problem}`),
  );
  const killMs = Math.max(...reports.map(({ report: { overrunMs } }) => overrunMs));
  const ratio = percentile(all, 0.99) / percentile(idle, 0.99);
  if (killMs > maxKillMs) failed.push(`one ran ${killMs} ms longer than its limit`);
  if (ratio > maxNeighbourRatio)
    failed.push(`the neighbour's p99 was ${ratio.toFixed(2)} times that of idle`);
  if (agentCrashes > 0) failed.push(`the agent crashed ${agentCrashes} times`);
  const escapes = reports.filter(
    ({ entry, report: { problems } }) => entry.group === 'escapes' && problems.length > 0,
  );
  return {
    failed,
    figures: {
      programs: entries.length,
      escapes: escapes.length,
      agentCrashes,
      maxKillMs: Math.round(killMs),
      neighbourP99Ms: rounded(percentile(all, 0.99)),
      neighbourIdleP99Ms: rounded(percentile(idle, 0.99)),
      neighbourP99Ratio: rounded(ratio),
      hostsLost: reports.reduce((sum, { report: { hostsLost } }) => sum + hostsLost, 0),
      agentRssMiB: Math.round(process.memoryUsage.rss() / 2 ** 20),
    },
  };
}

function line(
  { group, program }: Entry,
  { outcome, endedMs, overrunMs, neighbourMs, hostsLost, problems }: ProgramReport,
): string {
  const end = outcome.kind === 'returned' ? 'returned' : outcome.code;
  return [
    (problems.length > 0 ? 'FAILED' : 'ok').padEnd(6),
    group.padEnd(13),
    end.padEnd(14),
    `${Math.round(endedMs)} ms`.padStart(9),
    overrunMs > 0 ? `+${Math.round(overrunMs)}`.padStart(6) : '      ',
    hostsLost > 0 ? 'host lost' : '         ',
    summary(neighbourMs).padEnd(40),
    program.name,
  ].join('  ');
}

function summary(latenciesMs: readonly number[]): string {
  const [p50, p99] = [percentile(latenciesMs, 0.5), percentile(latenciesMs, 0.99)];
  return `${latenciesMs.length} events, p50 ${p50.toFixed(1)}, p99 ${p99.toFixed(1)} ms`;
}

function shuffled<T>(values: readonly T[], random: () => number): T[] {
  return values
    .map((value) => ({ value, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ value }) => value);
}

/** By the nearest rank. */
function percentile(values: readonly number[], quantile: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * quantile) - 1)] ?? Number.NaN;
}

function rounded(value: number): number {
  return Number(value.toFixed(2));
}

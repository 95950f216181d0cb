import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Figures, RunOptions } from '../main.ts';
import { drain } from './drain.ts';
import { endToEnd } from './end-to-end.ts';
import { HoldfastPair } from './holdfast-pair.ts';
import { ingest } from './ingest.ts';
import { wire } from './wire.ts';

export type Report = (line: string) => void;

/** How much is measured; `quick` only shows that everything works. */
export type Size = {
  readonly rounds: number;
  readonly messages: number;
  readonly backlog: number;
};
const full: Size = { rounds: 5, messages: 100_000, backlog: 1_000_000 };
const quick: Size = { rounds: 2, messages: 10_000, backlog: 30_000 };

/** Streams and relay beside plain aedes and a mosquitto bridge, alternating. */
export async function run(report: Report, options: RunOptions): Promise<Figures> {
  const size = options.quick ? quick : full;
  report('building');
  await promisify(execFile)(process.execPath, [
    fileURLToPath(new URL('../../scripts/build.ts', import.meta.url)),
  ]);
  const live = await (async () => {
    await using pair = await HoldfastPair.open({ counted: false, signal: AbortSignal.timeout(120_000) });
    const ingested = await ingest(pair, size, report);
    const { bridgePerSecond, ...moved } = await endToEnd(pair, size, report);
    return { ...moved, ...ingested, ...(await drain(pair, { ...size, bridgePerSecond }, report)) };
  })();
  return { ...live, ...(await wire(report)) };
}

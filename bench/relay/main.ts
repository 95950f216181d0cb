import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Figures, RunOptions } from '../main.ts';
import { drain } from './drain.ts';
import { endToEnd } from './end-to-end.ts';
import { HoldfastPair } from './holdfast-pair.ts';
import { ingest } from './ingest.ts';
import { full, quick, type Report } from './size.ts';
import { wire } from './wire.ts';

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

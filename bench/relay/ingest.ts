import { fileURLToPath } from 'node:url';
import type { Figures } from '../main.ts';
import { startBroker } from '../functions/mqtt.ts';
import { median, rounded } from '../statistics.ts';
import { cpuPerMessage } from './cpu-time.ts';
import type { HoldfastPair } from './holdfast-pair.ts';
import { publishRate, type Load } from './live-rate.ts';
import type { Report, Size } from './size.ts';

const aedesProgram = fileURLToPath(new URL('../functions/aedes-child.ts', import.meta.url));

/** Local QoS 1 publishes a second, each on disk before its PUBACK, beside aedes that keeps nothing. */
export async function ingest(
  pair: HoldfastPair,
  { rounds, messages }: Size,
  report: Report,
): Promise<Figures> {
  await using aedes = await startBroker(aedesProgram, []);
  const plain = { url: `mqtt://127.0.0.1:${aedes.port}` };
  const load: Load = { messages, bytes: 200, inFlight: 200 };
  const ratios: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const { result: ours, cpu } = await cpuPerMessage({ agent: pair.pids.agent }, messages, () =>
      publishRate(pair.local, 'local/boiler', load),
    );
    const peer = await publishRate(plain, 'local/boiler', load);
    // The first one warms up.
    if (round > 0) ratios.push(ours / peer);
    report(`published/s: ours on disk ${rounded(ours, 0)}, plain aedes ${rounded(peer, 0)}; ${cpu}`);
  }
  return { ingestVsAedes: rounded(median(ratios), 2) };
}

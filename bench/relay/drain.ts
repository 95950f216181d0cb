import type { Figures } from '../main.ts';
import { rounded } from '../statistics.ts';
import { cpuPerMessage } from './cpu-time.ts';
import type { HoldfastPair } from './holdfast-pair.ts';
import { publishRate } from './live-rate.ts';
import type { Report } from './size.ts';
import { watchPeak } from './peak-memory.ts';

const patience = { everyMs: 50, timeoutMs: 60_000 };

/**
 * The backlog of an outage: the cloud is stopped while the device goes on taking messages, then started. The time runs
 * from the first batch in the cloud to its acknowledgement of the last, which follows its commit.
 */
export async function drain(
  pair: HoldfastPair,
  { backlog, bridgePerSecond }: { readonly backlog: number; readonly bridgePerSecond: number },
  report: Report,
): Promise<Figures> {
  const { count: before } = await pair.messages.countNew();
  await pair.acknowledged(before, patience);
  await pair.stopCloud();
  const filled = await publishRate(pair.local, 'up/boiler', { messages: backlog, bytes: 200, inFlight: 200 });
  report(`backlog: ${backlog} messages taken at ${rounded(filled, 0)}/s without a cloud`);
  const grown = await watchPeak(pair.pids.agent);
  await pair.startCloud();
  const { result: endedMs, cpu } = await cpuPerMessage(pair.pids, backlog, () =>
    pair.acknowledged(before + backlog, patience),
  );
  const bytes = await grown();
  const { count, firstReceivedMs } = await pair.messages.countNew();
  if (count !== backlog) throw new Error(`The cloud has ${count} of ${backlog} messages of the backlog`);
  const perSecond = backlog / ((endedMs - firstReceivedMs) / 1000);
  report(`drained/s: ${rounded(perSecond, 0)}, every one of ${count} counted in the cloud; ${cpu}`);
  return {
    drainVsBridge: rounded(perSecond / bridgePerSecond, 2),
    drainRssMb: bytes === null ? null : rounded(bytes / 1e6),
  };
}

import type { Figures } from '../main.ts';
import { median, rounded } from '../statistics.ts';
import { cpuPerMessage } from './cpu-time.ts';
import type { HoldfastPair } from './holdfast-pair.ts';
import { endToEndRate, type Load } from './live-rate.ts';
import type { Report, Size } from './size.ts';
import { openBridge, openTlsMosquitto } from './mosquitto.ts';

/**
 * From a publisher on the device to a subscriber of the cloud, QoS 1 all the way, TLS from machine to machine and to the
 * subscriber, beside a mosquitto that is bridged to another in the same way. Only ours has every message on disk, twice.
 */
export async function endToEnd(
  pair: HoldfastPair,
  { rounds, messages }: Size,
  report: Report,
): Promise<Figures & { readonly bridgePerSecond: number }> {
  await using far = await openTlsMosquitto();
  await using near = await openBridge(far, 'up/#');
  const peer = {
    near: { url: `mqtt://127.0.0.1:${near.port}` },
    far: { url: `mqtts://localhost:${far.port}`, ca: far.ca },
  };
  const load: Load = { messages, bytes: 200, inFlight: 200 };
  const topic = 'up/boiler';
  const ratios: number[] = [];
  const bridged: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const { result: ours, cpu } = await cpuPerMessage(pair.pids, messages, () =>
      endToEndRate(
        { endpoint: pair.local, topic },
        { endpoint: pair.remote, filter: `t/+/+/${topic}` },
        load,
      ),
    );
    const theirs = await endToEndRate(
      { endpoint: peer.near, topic },
      { endpoint: peer.far, filter: topic },
      load,
    );
    // The first one warms up.
    if (round > 0) {
      ratios.push(ours / theirs);
      bridged.push(theirs);
    }
    report(`end to end/s: ours ${rounded(ours, 0)}, mosquitto bridge ${rounded(theirs, 0)}; ${cpu}`);
  }
  return { e2eVsBridge: rounded(median(ratios), 2), bridgePerSecond: median(bridged) };
}

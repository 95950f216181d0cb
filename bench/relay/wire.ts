import { setTimeout as sleep } from 'node:timers/promises';
import { readMeasurements } from '../../examples/story/weather.ts';
import type { Figures } from '../main.ts';
import { rounded } from '../statistics.ts';
import { ByteCounter } from './byte-counter.ts';
import type { ClientJob, Endpoint } from './client-job.ts';
import { ClientProcess } from './client-process.ts';
import { HoldfastPair } from './holdfast-pair.ts';
import type { Report } from './size.ts';
import { openTlsMosquitto } from './mosquitto.ts';

const topic = 'up/roof/weather';
/** As many as the story's weather station has on their way. */
const inFlight = 50;
const slowPerSecond = 200;
const patience = { everyMs: 50, timeoutMs: 60_000 };
const replayMs = 120_000;
/** Until the last acknowledgements are through, too. */
const settleMs = 500;

/**
 * Bytes between machine and cloud for the weather data of the story, both directions, over TLS: ours in batches, beside one
 * QoS 1 publish a message to a broker. At the story's pace (which decides), at a slow one, and after an outage.
 */
export async function wire(report: Report): Promise<Figures> {
  const messages = (await readMeasurements()).length;
  await using pair = await HoldfastPair.open({ counted: true, signal: AbortSignal.timeout(120_000) });
  const replay = (endpoint: Endpoint, perSecond?: number): ClientJob => ({
    ...{ kind: 'publish', endpoint, topic, messages, payload: 'weather', inFlight },
    ...(perSecond !== undefined && { perSecond }),
  });

  let relayed = 0;
  const ours = async (perSecond?: number): Promise<number> => {
    const before = pair.counter.bytes;
    await play(replay(pair.local, perSecond));
    await pair.acknowledged((relayed += messages), patience);
    await sleep(settleMs);
    return pair.counter.bytes - before;
  };
  await using broker = await openTlsMosquitto();
  await using counter = await ByteCounter.open(broker.port);
  const plain: Endpoint = { url: `mqtts://localhost:${counter.port}`, ca: broker.ca };
  const theirs = async (perSecond?: number): Promise<number> => {
    const before = counter.bytes;
    await play(replay(plain, perSecond));
    await sleep(settleMs);
    return counter.bytes - before;
  };

  const live = { ours: await ours(), theirs: await theirs() };
  const slow = { ours: await ours(slowPerSecond), theirs: await theirs(slowPerSecond) };
  const late = await afterOutage(pair, replay(pair.local), (relayed += messages));
  for (const [pace, one] of [
    ['as in the story', live],
    [`at ${slowPerSecond}/s`, slow],
    ['after an outage', { ours: late, theirs: live.theirs }],
  ] as const)
    report(
      `${messages} rows on the wire, ${pace}: ours ${one.ours} bytes, one publish each ${one.theirs} bytes`,
    );
  return {
    wireRatio: rounded(live.ours / live.theirs, 3),
    wireSlowRatio: rounded(slow.ours / slow.theirs, 3),
    wireOutageRatio: rounded(late / live.theirs, 3),
  };
}

async function play(job: ClientJob): Promise<void> {
  await using station = await ClientProcess.open(job);
  await station.run(replayMs);
}

/** Counts from before the reconnection on: its handshake is part of it. */
async function afterOutage(pair: HoldfastPair, job: ClientJob, relayed: number): Promise<number> {
  await pair.stopCloud();
  await play(job);
  const before = pair.counter.bytes;
  await pair.startCloud();
  await pair.acknowledged(relayed, patience);
  await sleep(settleMs);
  return pair.counter.bytes - before;
}

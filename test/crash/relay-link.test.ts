import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { temporaryFolder } from '../support/cli.ts';
import { peerTest } from '../support/peers.ts';
import { checkStored } from './relay/check-stored.ts';
import { DeviceWorld, password, streamNames } from './relay/device-world.ts';
import { failSync } from './relay/disk-faults.ts';
import type { LinkFault } from './relay/link-fault.ts';
import { Publisher } from './relay/publisher.ts';
import { SentMessages } from './relay/sent-messages.ts';

const timeoutMs = 240_000;

/** A device, its cloud and one client that publishes all the time. */
async function openTraffic() {
  await using starting = new AsyncDisposableStack();
  const { path: folder } = starting.use(await temporaryFolder());
  const root = join(folder, 'device');
  await mkdir(root);
  const world = starting.use(await DeviceWorld.open({ folder, root }));
  const sent = new SentMessages();
  const publisher = starting.use(
    new Publisher({
      ...{ name: 'pump', stream: 'main', topic: 'in/main/pump', qos: 1, bytes: 100, window: 20, pauseMs: 5 },
      ...{ port: world.mqttPort, password, sent },
    }),
  );
  const resources = starting.move();
  return {
    world,
    sent,
    /** Resolves once `count` more messages are acknowledged. */
    async acknowledged(count: number) {
      const goal = sent.acked + count;
      while (sent.acked < goal) await sleep(10);
    },
    /** What is wrong once everything is in the cloud. */
    async problems() {
      publisher.pause(true);
      for (;;) {
        await sleep(20);
        const { streams } = await world.status();
        if (publisher.unacknowledged > 0 || (streams.main?.backlog ?? 1) > 0) continue;
        const lastSeqs = new Map(streamNames.map((name) => [name, streams[name]?.lastSeq ?? 0]));
        const problems = checkStored({ rows: await world.rows(), sent: sent.all(), lastSeqs });
        publisher.pause(false);
        return problems;
      }
    },
    [Symbol.asyncDispose]: async () => {
      await world.agent.kill();
      await resources.disposeAsync();
    },
  };
}

const faults: readonly [string, LinkFault][] = [
  ['a partition', { kind: 'partition', ms: 500 }],
  ['a half-open connection', { kind: 'halfOpen' }],
  [
    'a line that hears nothing for a while',
    { kind: 'stall', directions: ['down'], ms: 500, thenReset: true },
  ],
  ['a batch that is cut in the middle', { kind: 'cut', direction: 'up', packets: 1 }],
  ['an acknowledgement that is cut in the middle', { kind: 'cut', direction: 'down', packets: 1 }],
  ['batches in another order', { kind: 'swap', direction: 'up', packets: 3 }],
  ['acknowledgements in another order', { kind: 'swap', direction: 'down', packets: 3 }],
];
/** The last one takes as long as a device waits for an acknowledgement, which is as long as all those above take together. */
const slowFaults: typeof faults = [
  ['batches that come twice', { kind: 'repeat', direction: 'up', packets: 3 }],
  ['acknowledgements that come twice', { kind: 'repeat', direction: 'down', packets: 3 }],
  ['lost acknowledgements', { kind: 'drop', direction: 'down', packets: 2 }],
];

test(
  `[G5] nothing is lost, repeated or out of order in the cloud after ${[...faults, ...slowFaults].map(([name]) => name).join(', ')}`,
  async () => {
    // Mostly they wait: at the same time, each with a device and a cloud of its own.
    const found = await Promise.all([faults, slowFaults].map(problemsAfter));
    expect(found.flat()).toEqual([...faults, ...slowFaults].map(([after]) => ({ after, problems: [] })));
  },
  timeoutMs,
);

/** What is wrong after each of the faults, one after the other. */
async function problemsAfter(some: typeof faults) {
  await using traffic = await openTraffic();
  const found: { readonly after: string; readonly problems: readonly string[] }[] = [];
  for (const [after, fault] of some) {
    await traffic.acknowledged(20);
    await traffic.world.proxy.inflict(fault);
    await traffic.acknowledged(20);
    found.push({ after, problems: await traffic.problems() });
  }
  return found;
}

peerTest(
  ['strace'],
  '[G1] a failed fsync ends the agent, and the cloud, and what they acknowledged is there after the next start',
  async () => {
    await using traffic = await openTraffic();
    for (const name of ['agent', 'cloud'] as const) {
      await traffic.acknowledged(20);
      const daemon = traffic.world[name];
      await using failing = await failSync(daemon.pid, 3, timeoutMs);
      expect(await failing.failed).toMatchObject({ isCommit: true });
      await daemon.ended;
      await daemon.start();
      expect({ after: name, problems: await traffic.problems() }).toEqual({ after: name, problems: [] });
    }
  },
  timeoutMs,
);

import { expect } from '@jest/globals';
import { mountNamespaces, peerTest } from '../support/peers.ts';
import { runCampaign } from '../support/run-campaign.ts';

/** Two packs of faults: each kind twice or more. More than in the suite: HOLDFAST_CYCLES=500 HOLDFAST_SEED=1 npm test -- test/crash/relay-campaign. */
const cycles = process.env.HOLDFAST_CYCLES ?? '42';
const seed = process.env.HOLDFAST_SEED ?? String(Date.now() % 2 ** 31);

peerTest(
  [mountNamespaces, 'strace'],
  `[G1, G5] cut lines, killed processes, full disks and failed fsyncs lose and repeat nothing (${cycles} times, seed ${seed})`,
  async () => {
    const figures = await runCampaign('relay', { cycles, seed });
    expect((figures as Record<string, number>).acknowledged).toBeGreaterThan(0);
  },
  Number(cycles) * 15_000,
);

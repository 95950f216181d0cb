import { expect } from '@jest/globals';
import { mountNamespaces, peerTest } from '../support/peers.ts';
import { runCampaign } from '../support/run-campaign.ts';

/** More than in the suite: HOLDFAST_CYCLES=500 HOLDFAST_SEED=1 npm test -- test/crash/vault-campaign. */
const cycles = process.env.HOLDFAST_CYCLES ?? '12';
const seed = process.env.HOLDFAST_SEED ?? String(Date.now() % 2 ** 31);

peerTest(
  [mountNamespaces, 'strace', 'restic'],
  `[G1, G8, G10] killed processes, full disks, failed fsyncs, damage, lying servers and prunes lose no snapshot (${cycles} times, seed ${seed})`,
  async () => {
    const figures = await runCampaign('vault', { cycles, seed });
    expect(figures).toMatchObject({ lost: 0, problems: 0 });
  },
  Number(cycles) * 30_000,
);

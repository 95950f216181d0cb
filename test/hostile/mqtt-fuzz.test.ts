import { expect, test } from '@jest/globals';
import { openCloudTarget } from './mqtt-fuzz/cloud-target.ts';
import { fuzz } from './mqtt-fuzz/fuzz.ts';
import { openLocalTarget } from './mqtt-fuzz/local-target.ts';

/** Longer than in the suite: npm run campaign -- mqtt --seconds 600 --seed 1. */
const seconds = 5;
const seed = Number(process.env.HOLDFAST_SEED ?? Date.now() % 2 ** 31);

test.each([
  ['a device', openLocalTarget],
  ['the cloud', openCloudTarget],
])(
  `malformed packets neither stop nor fill the broker of %s, and nothing unauthorised gets through (seed ${seed})`,
  async (_, open) => {
    await using target = await open();
    const { problems, connections } = await fuzz(target, { seconds, seed });
    expect(problems).toEqual([]);
    expect(connections).toBeGreaterThan(0);
  },
  180_000,
);

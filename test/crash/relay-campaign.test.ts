import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from '@jest/globals';
import { nodeFlags } from '../support/cli.ts';
import { mountNamespaces, peerTest } from '../support/peers.ts';

/** More than in the suite: HOLDFAST_CYCLES=500 HOLDFAST_SEED=1 npm test -- test/crash/relay-campaign. */
const cycles = process.env.HOLDFAST_CYCLES ?? '100';
const seed = process.env.HOLDFAST_SEED ?? String(Date.now() % 2 ** 31);

peerTest(
  [mountNamespaces, 'strace'],
  `[G1, G5] cut lines, killed processes, full disks and failed fsyncs lose and repeat nothing (${cycles} times, seed ${seed})`,
  async () => {
    const program = join(import.meta.dirname, '../hostile/campaign.ts');
    const parameters = ['relay', '--cycles', cycles, '--seed', seed];
    const child = spawn(process.execPath, [...nodeFlags, program, ...parameters], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    const lines = (await text(child.stdout)).trim().split('\n');
    const code = await ended;
    const failed = lines.filter((line) => line.startsWith('FAILED'));
    expect({ code, failed }).toEqual({ code: 0, failed: [] });
    const figures = JSON.parse(lines.at(-1) ?? '') as Record<string, number>;
    expect(figures.acknowledged).toBeGreaterThan(0);
  },
  Number(cycles) * 15_000,
);

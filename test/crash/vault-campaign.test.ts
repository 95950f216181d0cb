import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from '@jest/globals';
import { nodeFlags } from '../support/cli.ts';
import { mountNamespaces, peerTest } from '../support/peers.ts';

/** More than in the suite: HOLDFAST_CYCLES=500 HOLDFAST_SEED=1 npm test -- test/crash/vault-campaign. */
const cycles = process.env.HOLDFAST_CYCLES ?? '12';
const seed = process.env.HOLDFAST_SEED ?? String(Date.now() % 2 ** 31);

peerTest(
  [mountNamespaces, 'strace', 'restic'],
  `[G1, G8, G10] killed processes, full disks, failed fsyncs, damage, lying servers and prunes lose no snapshot (${cycles} times, seed ${seed})`,
  async () => {
    const program = join(import.meta.dirname, '../hostile/campaign.ts');
    const parameters = ['vault', '--cycles', cycles, '--seed', seed];
    const child = spawn(process.execPath, [...nodeFlags, program, ...parameters], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    const lines = (await text(child.stdout)).trim().split('\n');
    const code = await ended;
    const failed = lines.filter((line) => line.startsWith('FAILED'));
    expect({ code, failed }).toEqual({ code: 0, failed: [] });
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ lost: 0, problems: 0 });
  },
  Number(cycles) * 30_000,
);

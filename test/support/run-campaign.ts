import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from '@jest/globals';
import { nodeFlags } from './cli.ts';

type CampaignRun = { readonly cycles: string; readonly seed: string };

/** Runs `npm run campaign -- NAME` in a process of its own; fails when anything was not as it has to be. Its figures. */
export async function runCampaign(name: string, { cycles, seed }: CampaignRun): Promise<unknown> {
  const program = join(import.meta.dirname, '../hostile/campaign.ts');
  const parameters = [name, '--cycles', cycles, '--seed', seed];
  const child = spawn(process.execPath, [...nodeFlags, program, ...parameters], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const lines = (await text(child.stdout)).trim().split('\n');
  const code = await ended;
  const failed = lines.filter((line) => line.startsWith('FAILED'));
  expect({ code, failed }).toEqual({ code: 0, failed: [] });
  return JSON.parse(lines.at(-1) ?? '');
}

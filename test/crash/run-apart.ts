import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { nodeFlags } from '../support/cli.ts';
import { hasPeer, mountNamespaces } from '../support/has-peer.ts';
import type { CampaignOptions, CampaignResult } from '../hostile/campaign-port.ts';

const resultSchema = z.object({ figures: z.record(z.string(), z.number()), failed: z.array(z.string()) });

/**
 * Runs `program CYCLES SEED` in a mount namespace of its own where that is possible: what it mounts is gone with the process. Its last
 * line is the result.
 */
export async function runApart(
  program: string,
  { cycles, seed, report }: CampaignOptions,
): Promise<CampaignResult> {
  const namespace = hasPeer(mountNamespaces) ? ['unshare', '--map-root-user', '--mount'] : [];
  const [command, ...args] = [...namespace, process.execPath, ...nodeFlags, program];
  const child = spawn(command, [...args, String(cycles), String(seed)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  let last = '';
  for await (const line of createInterface({ input: child.stdout })) {
    if (last !== '') report(last);
    last = line;
  }
  const code = await ended;
  if (code !== 0) throw new Error(`${program} ended with ${String(code)}: ${last}`);
  return resultSchema.parse(JSON.parse(last));
}

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { nodeFlags } from '../../support/cli.ts';
import { hasPeer, mountNamespaces } from '../../support/has-peer.ts';
import type { CampaignOptions, CampaignResult } from '../../hostile/campaign-port.ts';

const program = fileURLToPath(new URL('main.ts', import.meta.url));
const resultSchema = z.object({ figures: z.record(z.string(), z.number()), failed: z.array(z.string()) });

/** Faults of the network, the processes and the disks while a device relays; the mount is gone with the process that runs it. */
export async function run({ cycles, seed, report }: CampaignOptions): Promise<CampaignResult> {
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
  if (code !== 0) throw new Error(`The relay campaign ended with ${String(code)}: ${last}`);
  return resultSchema.parse(JSON.parse(last));
}

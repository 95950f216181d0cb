import { fileURLToPath } from 'node:url';
import type { CampaignOptions, CampaignResult } from '../../hostile/campaign-port.ts';
import { runApart } from '../run-apart.ts';

const program = fileURLToPath(new URL('main.ts', import.meta.url));

/** Faults of the network, the processes and the disks while a device relays. */
export function run(options: CampaignOptions): Promise<CampaignResult> {
  return runApart(program, options);
}

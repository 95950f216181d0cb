import { fileURLToPath } from 'node:url';
import type { CampaignOptions, CampaignResult } from '../../hostile/campaign-port.ts';
import { runApart } from '../run-apart.ts';

const program = fileURLToPath(new URL('main.ts', import.meta.url));

/** Faults of the processes, the disks and the servers while folders are snapshotted, pruned and restored. */
export function run(options: CampaignOptions): Promise<CampaignResult> {
  return runApart(program, options);
}

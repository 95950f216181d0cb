import type { ControlClient } from '../../agent/control/client.ts';
import { agentRoot } from '../context.ts';
import type { Run } from '../run.ts';

/** The agent of `--root`, whose `vault` does the work. */
export async function openAgentVault(run: Run): Promise<ControlClient> {
  const { ControlClient } = await import('../../agent/control/client.ts');
  return ControlClient.forRoot(agentRoot(run));
}

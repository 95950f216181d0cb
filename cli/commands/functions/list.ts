import type { Command } from 'commander';
import type { Status } from '../../../agent/control/protocol.ts';
import { agentRoot } from '../../context.ts';
import { examples } from '../../options.ts';
import type { Output } from '../../output.ts';
import { action, type Run, type Surroundings } from '../../run.ts';
import { formatTable } from '../../table.ts';

type Listed = Status['functions'][string] & {
  readonly name: string;
  readonly state: string;
  readonly message: string | null;
};

export function registerList(functions: Command, surroundings: Surroundings): void {
  functions
    .command('ls')
    .alias('list')
    .description('List the functions of this device: how they are, and what waits for them.')
    .addHelpText('after', examples('holdfast functions ls', 'holdfast functions ls --json'))
    .action(action(surroundings, list));
}

async function list(run: Run): Promise<void> {
  const { ControlClient } = await import('../../../agent/control/client.ts');
  await using agent = ControlClient.forRoot(agentRoot(run));
  const listed = listedOf(await agent.status(run.signal));
  run.out.result({ functions: listed }, () => format(run.out, listed));
}

function listedOf({ functions, components }: Status): Listed[] {
  return Object.entries(functions).map(([name, status]) => {
    const { state = 'unknown', message = null } = components[`functions.${name}`] ?? {};
    return { name, state, message, ...status };
  });
}

function format(out: Output, listed: readonly Listed[]): string {
  if (listed.length === 0)
    return 'No functions yet. Add them to the manifest and deploy: holdfast deploy FILE';
  const rows = listed.map(({ name, state, queued, inFlight, deadLetters, denials, budget, message }) => [
    name,
    out.paint(state === 'running' ? 'green' : 'yellow', state),
    String(queued),
    String(inFlight),
    deadLetters === 0 ? '0' : out.paint('yellow', String(deadLetters)),
    denials === 0 ? '0' : out.paint('red', String(denials)),
    budget === null ? '-' : String(budget.invocations),
    message ?? '',
  ]);
  return formatTable(['FUNCTION', 'STATE', 'QUEUED', 'RUNNING', 'DEAD', 'DENIED', 'TODAY', ''], rows);
}

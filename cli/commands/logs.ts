import type { Command } from 'commander';
import type { LogLine } from '../../agent/control/protocol.ts';
import { agentRoot } from '../context.ts';
import { formatLogEvent } from '../log-sink.ts';
import { examples, parseCount, parseName } from '../options.ts';
import { action, type Run, type Surroundings } from '../run.ts';

type Options = { readonly follow?: boolean; readonly function?: string; readonly lines: number };

export function registerLogs(program: Command, surroundings: Surroundings): void {
  program
    .command('logs')
    .description('Print the logs of the agent and its functions, oldest first.')
    .option('-f, --follow', 'Keep printing new lines until Ctrl-C.')
    .option('--function <name>', 'Only lines of this function.', parseName)
    .option('-n, --lines <count>', 'How many of the past lines.', parseCount, 100)
    .addHelpText(
      'after',
      examples('holdfast logs -f', 'holdfast logs --function weather-summary -n 20 --json'),
    )
    .action(action(surroundings, logs));
}

async function logs(run: Run, { follow = false, function: name, lines }: Options): Promise<void> {
  const { ControlClient } = await import('../../agent/control/client.ts');
  await using agent = ControlClient.forRoot(agentRoot(run));
  for await (const line of agent.logs({ follow, function: name, lines }, run.signal)) {
    run.out.item(line, () => formatLine(run, line));
  }
}

function formatLine({ io }: Run, line: LogLine): string {
  return formatLogEvent(io, 'stdout', line);
}

import type { Command } from 'commander';
import type { LogLine } from '../../agent/control/protocol.ts';
import { agentRoot } from '../context.ts';
import { formatLogEvent } from '../log-sink.ts';
import { examples, parseCountUpTo, parseName } from '../options.ts';
import { action, type Run, type Surroundings } from '../run.ts';
import { drained } from '../write-out.ts';

type Options = {
  readonly device?: string;
  readonly follow?: boolean;
  readonly function?: string;
  readonly app?: string;
  readonly lines: number;
};

export function registerLogs(program: Command, surroundings: Surroundings): void {
  program
    .command('logs')
    .description('Print the logs of the agent, its functions and apps, oldest first.')
    .option('--device <name>', 'Those that this device relayed to the cloud.', parseName)
    .option('-f, --follow', 'Keep printing new lines until Ctrl-C.')
    .option('--function <name>', 'Only lines of this function.', parseName)
    .option('--app <name>', 'Only lines of this app, and about it.', parseName)
    .option('-n, --lines <count>', 'How many of the past lines.', parseCountUpTo(10_000), 100)
    .addHelpText(
      'after',
      examples(
        'holdfast logs -f',
        'holdfast logs --function weather-summary -n 20 --json',
        'holdfast logs --app dashboard -f',
        'holdfast logs --device greenhouse-7 -f',
      ),
    )
    .action(action(surroundings, logs));
}

async function logs(run: Run, options: Options): Promise<void> {
  const { follow = false } = options;
  let isEmpty = true;
  try {
    for await (const line of options.device === undefined ? here(run, options) : there(run, options)) {
      isEmpty = false;
      run.out.item(line, () => formatLogEvent(run.io, 'stdout', line));
      await drained(run);
    }
  } catch (error) {
    // To be stopped is how a follower ends well.
    if (!follow || !run.signal.aborted) throw error;
  }
  if (follow) return;
  run.signal.throwIfAborted();
  // A name that is misspelled has no lines either.
  if (isEmpty && options.lines > 0) run.out.note(nothing(options));
}

function nothing({ device, function: name, app }: Options): string {
  const of = [name !== undefined && `the function ${name}`, app !== undefined && `the app ${app}`];
  const what = of.filter((one) => one !== false).join(' and ');
  return `There are no lines${what && ` of ${what}`}${device === undefined ? '' : ` from ${device} in the cloud`}.`;
}

async function* here(
  run: Run,
  { follow = false, function: name, app, lines }: Options,
): AsyncGenerator<LogLine> {
  const { ControlClient } = await import('../../agent/control/client.ts');
  await using agent = ControlClient.forRoot(agentRoot(run));
  yield* agent.logs({ follow, function: name, app, lines }, run.signal);
}

async function* there(run: Run, options: Options): AsyncGenerator<LogLine> {
  const { device = '', follow = false, function: name, app, lines } = options;
  const { deviceLogs } = await import('../device-logs.ts');
  yield* deviceLogs(run, { device, lines, follow, function: name, app });
}

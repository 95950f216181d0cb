import type { Command } from 'commander';
import { openCloud } from '../cloud.ts';
import { agentRoot } from '../context.ts';
import { CliError } from '../errors.ts';
import { followDeploy } from '../follow-deploy.ts';
import { defaultWaitMs, examples, parseDuration, parseGeneration, parseName } from '../options.ts';
import { action, type Run, type Surroundings } from '../run.ts';

type Options = { readonly local?: true; readonly wait?: number | true };

export function registerActivate(program: Command, surroundings: Surroundings): void {
  program
    .command('activate')
    .description('Let the newest generation go live now, staged or waiting for a window or a lock.')
    .argument('[device]', 'Through the cloud; with --local the generation.')
    .argument('[generation]', 'Refuse unless this is the newest.', parseGeneration)
    .option('--local', 'On this machine, also without a network.')
    .option('--wait [duration]', 'Wait until the device has committed it (default 60s).', parseDuration)
    .addHelpText(
      'after',
      examples(
        'holdfast activate greenhouse-7 --wait',
        'holdfast activate greenhouse-7 12',
        'holdfast activate --local',
      ),
    )
    .action(action(surroundings, activate));
}

async function activate(run: Run, options: Options, first?: string, second?: number): Promise<void> {
  if (options.local === true) {
    await activateHere(run, options, first === undefined ? undefined : parseGeneration(first));
    return;
  }
  if (first === undefined) {
    throw new CliError('usage', 'Name the device, or give --local for this one.', {
      hint: 'holdfast activate DEVICE',
    });
  }
  await activateThere(run, options, { device: parseName(first), generation: second });
}

async function activateThere(
  run: Run,
  { wait }: Options,
  { device, generation }: { readonly device: string; readonly generation: number | undefined },
): Promise<void> {
  const { signal } = run;
  await using cloud = await openCloud(run);
  const before = await cloud.call((client) => client.device(device, { signal }));
  const desired = await cloud.call((client) => client.activate(device, { generation, signal }));
  const timeoutMs = wait === true ? defaultWaitMs : wait;
  if (timeoutMs !== undefined) {
    const followed = { device, generation: desired.generation, staleSeq: before.reported?.seq };
    await followDeploy(run, cloud, { ...followed, timeoutMs });
  }
  const result = { device, ...desired, committed: timeoutMs !== undefined };
  run.out.result(result, () => formatThere(device, desired.generation, result.committed));
}

async function activateHere(run: Run, { wait }: Options, generation: number | undefined): Promise<void> {
  if (wait !== undefined)
    throw new CliError('usage', '--wait asks the cloud: leave it out with --local.', {
      hint: 'See what becomes of it: holdfast status',
    });
  const { ControlClient } = await import('../../agent/control/client.ts');
  await using agent = ControlClient.forRoot(agentRoot(run));
  const answer = await agent.generations.activate(generation, run.signal);
  run.out.result(
    answer,
    () => `Generation ${answer.generation} waits for nothing any more (${answer.phase}).`,
  );
}

function formatThere(device: string, generation: number, committed: boolean): string {
  return `${device}: generation ${generation} ${committed ? 'committed' : 'goes live'}`;
}

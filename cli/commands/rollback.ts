import type { Command } from 'commander';
import { openCloud } from '../cloud.ts';
import { followDeploy } from '../follow-deploy.ts';
import { defaultWaitMs, examples, parseDuration, parseGeneration, parseName } from '../options.ts';
import { action, type Run, type Surroundings } from '../run.ts';

type Options = { readonly to?: number; readonly now?: true; readonly wait?: number | true };

export function registerRollback(program: Command, surroundings: Surroundings): void {
  program
    .command('rollback')
    .description(
      'Deploy the manifest of an earlier generation again, as a new one. Data of volumes stays as it is.',
    )
    .argument('<device>', 'The device.', parseName)
    .option(
      '--to <generation>',
      'Default: the newest before the desired one that was committed and is another.',
      parseGeneration,
    )
    .option('--now', 'Wait for no update window and no lock of an app.')
    .option('--wait [duration]', 'Wait until the device has committed it (default 60s).', parseDuration)
    .addHelpText(
      'after',
      examples('holdfast rollback greenhouse-7 --wait', 'holdfast rollback greenhouse-7 --to 4 --now'),
    )
    .action(action(surroundings, rollback));
}

async function rollback(run: Run, { to, now, wait }: Options, device: string): Promise<void> {
  const { signal } = run;
  await using cloud = await openCloud(run);
  const before = await cloud.call((client) => client.device(device, { signal }));
  const request = { to, now: now ?? false, signal };
  // Without a number a second one would go forward again: it is not repeated.
  const answer =
    to === undefined
      ? await cloud.once((client) => client.rollback(device, request))
      : await cloud.call((client) => client.rollback(device, request));
  const timeoutMs = wait === true ? defaultWaitMs : wait;
  if (timeoutMs !== undefined) {
    const followed = { device, generation: answer.generation, staleSeq: before.reported?.seq };
    await followDeploy(run, cloud, { ...followed, timeoutMs });
  }
  const result = { device, ...answer, committed: timeoutMs !== undefined };
  run.out.result(result, () => {
    const state = result.committed ? 'committed' : answer.unchanged ? 'unchanged' : 'sent';
    return `${device}: generation ${answer.generation}, the manifest of generation ${answer.restored}, ${state}`;
  });
}

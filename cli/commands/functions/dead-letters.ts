import { InvalidArgumentError, type Command } from 'commander';
import type { ControlClient } from '../../../agent/control/client.ts';
import type { DeadLetter } from '../../../agent/control/protocol.ts';
import { agentRoot } from '../../context.ts';
import { CliError } from '../../errors.ts';
import { examples, parseName } from '../../options.ts';
import { printable } from '../../printable.ts';
import { action, type Run, type Surroundings } from '../../run.ts';

type Choice = { readonly all?: boolean };

/** Characters of a payload that are shown. */
const previewChars = 60;

export function registerDeadLetters(functions: Command, surroundings: Surroundings): void {
  functions
    .command('dead-letters')
    .description('List the events that a function gave up, oldest first; with --json a line each.')
    .argument('<function>', 'Its name in the manifest.', parseName)
    .addHelpText(
      'after',
      examples(
        'holdfast functions dead-letters to-celsius',
        'holdfast functions dead-letters to-celsius --json | jq -r .payload | base64 -d',
      ),
    )
    .action(action(surroundings, deadLetters));
  functions
    .command('redeliver')
    .description('Put dead letters back at the end of the queue of their function.')
    .argument('<function>', 'Its name in the manifest.', parseName)
    .argument('[id...]', 'Those with these ids.', collectIds)
    .option('--all', 'All of them, as long as the queue has room.')
    .addHelpText(
      'after',
      examples(
        'holdfast functions redeliver to-celsius 17 18',
        'holdfast functions redeliver to-celsius --all',
      ),
    )
    .action(action(surroundings, redeliver));
  functions
    .command('discard')
    .description('Delete dead letters for good.')
    .argument('<function>', 'Its name in the manifest.', parseName)
    .argument('[id...]', 'Those with these ids.', collectIds)
    .option('--all', 'All of them.')
    .addHelpText(
      'after',
      examples('holdfast functions discard to-celsius 17', 'holdfast functions discard to-celsius --all'),
    )
    .action(action(surroundings, discard));
}

async function deadLetters(run: Run, _: object, name: string): Promise<void> {
  await using agent = await connect(run);
  let count = 0;
  for await (const letter of agent.deadLetters(name, run.signal)) {
    count++;
    run.out.item(letter, () => format(letter));
  }
  if (count === 0) run.out.note(`${name} has no dead letters.`);
}

async function redeliver(run: Run, choice: Choice, name: string, ids: readonly number[]): Promise<void> {
  await using agent = await connect(run);
  const { count, left } = await agent.redeliver(name, chosen(choice, ids), run.signal);
  run.out.result({ function: name, redelivered: count, left }, () =>
    left === 0
      ? `Redelivered ${count} to ${name}.`
      : `Redelivered ${count} to ${name}; it has ${left} dead letters.`,
  );
}

async function discard(run: Run, choice: Choice, name: string, ids: readonly number[]): Promise<void> {
  await using agent = await connect(run);
  const { count, left } = await agent.discard(name, chosen(choice, ids), run.signal);
  run.out.result(
    { function: name, discarded: count, left },
    () => `Discarded ${count}; ${name} has ${left} dead letters left.`,
  );
}

async function connect(run: Run): Promise<ControlClient> {
  const { ControlClient } = await import('../../../agent/control/client.ts');
  return ControlClient.forRoot(agentRoot(run));
}

function chosen({ all = false }: Choice, ids: readonly number[]): readonly number[] | undefined {
  if (all === ids.length > 0)
    throw new CliError(
      'usage',
      all ? 'Give ids or --all, not both.' : 'Give the ids of dead letters, or --all.',
      {
        hint: 'List them with: holdfast functions dead-letters FUNCTION',
      },
    );
  return all ? undefined : ids;
}

function collectIds(text: string, before: readonly number[] | undefined): number[] {
  const id = Number(text);
  if (!/^[0-9]{1,15}$/.test(text) || id === 0)
    throw new InvalidArgumentError('Give the id of a dead letter.');
  return [...(before ?? []), id];
}

function format({ id, died, kind, topic, attempts, error, payload }: DeadLetter): string {
  const text = printable(Buffer.from(payload, 'base64').toString('utf8'));
  const preview = text.length > previewChars ? `${text.slice(0, previewChars)}…` : text;
  const failure = printable(firstLine(error.message));
  return `${id}  ${died}  ${kind} ${printable(topic)}  ${attempts} attempts, ${error.code}: ${failure}  ${preview}`.trimEnd();
}

function firstLine(message: string): string {
  return message.split('\n', 1)[0] ?? '';
}

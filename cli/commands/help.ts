import type { Command } from 'commander';
import { CliError } from '../errors.ts';
import { exitCodes, exitMeanings, formatExitCodes } from '../exit-codes.ts';
import { action, type Run, type Surroundings } from '../run.ts';
import { examples } from '../options.ts';

export function registerHelp(program: Command, surroundings: Surroundings): void {
  program
    .command('help')
    .description('Print help for a command, or the table of exit codes.')
    .argument('[topic...]', 'A command, or exit-codes.')
    .addHelpText(
      'after',
      examples('holdfast help deploy', 'holdfast help cloud up', 'holdfast help exit-codes'),
    )
    .action(
      action(surroundings, (run, _options, topic: string[] | undefined) => {
        printTopic(program, run, topic ?? []);
        return Promise.resolve();
      }),
    );
}

function printTopic(program: Command, { out }: Run, topic: readonly string[]): void {
  if (topic.length === 1 && topic[0] === 'exit-codes') {
    out.result({ exitCodes, exitMeanings }, formatExitCodes);
    return;
  }
  // Without a topic this is the program itself.
  const command = topic.reduce<Command | undefined>(
    (parent, name) =>
      parent?.commands.find((child) => child.name() === name || child.aliases().includes(name)),
    program,
  );
  if (command) {
    command.outputHelp();
    return;
  }
  throw new CliError('usage', `There is no help for "${topic.join(' ')}".`, {
    hint: '`holdfast --help` lists the commands; `holdfast help exit-codes` lists the exit codes.',
  });
}

import { Command, Option } from 'commander';
import { groupsFor } from './command-groups.ts';
import { hasColours, paint, type Io } from './io.ts';
import { examples, parseDuration, parsePath } from './options.ts';
import { escapePainted } from './printable.ts';
import type { Surroundings } from './run.ts';
import { version } from '../lib/version.ts';

/** `holdfast` with its global options and no commands yet. */
export function createProgram(io: Io): Command {
  const program = new Command('holdfast');
  configure(program, io);
  program
    .description('One file holds the machine: run it, roll it out, restore it.')
    .version(version, '-V, --version', 'Print the version.')
    .helpOption('-h, --help', 'Print help for the command.')
    .option('--json', 'Print the result as one JSON document (streams: JSON lines) on stdout.')
    .option('--verbose', 'Print debug logs, and the stack of an error.')
    .option(
      '--context <file>',
      "How to reach the cloud (default: $HOLDFAST_CONTEXT, or the user's context.json).",
      parsePath,
    )
    .option('--root <dir>', "The agent's folder (default: $HOLDFAST_ROOT, or the data folder).", parsePath)
    .addOption(
      new Option('--retry <duration>', 'Keep trying this long while the cloud is away.')
        .argParser(parseDuration)
        .default(20_000, '20s'),
    )
    .addHelpText(
      'after',
      examples(
        'holdfast cloud up --folder ./cloud',
        'holdfast init greenhouse-7',
        'holdfast deploy machine.yaml --wait',
        'holdfast help exit-codes',
      ),
    );
  return program;
}

/**
 * Adds the commands that `args` need, which is what was typed after the program's name: the one that is named, else all. They in turn
 * import what they work with only when they run. Rejects with the CommanderError that parsing `args` would throw.
 */
export async function addCommands(
  program: Command,
  surroundings: Surroundings,
  args: readonly string[] = [],
): Promise<void> {
  const [name] = program.parseOptions([...args]).operands;
  const registrations = await Promise.all(groupsFor(name).map(({ load }) => load()));
  for (const register of registrations) register(program, surroundings);
}

/** Settings that every subcommand inherits; before any of them is made. */
function configure(program: Command, io: Io): void {
  program
    .exitOverride()
    .showSuggestionAfterError()
    .showHelpAfterError('hint: `holdfast help` lists the commands, `holdfast help COMMAND` what one takes.')
    .helpCommand(false)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(escapePainted(text)),
      getOutHasColors: () => hasColours(io, 'stdout'),
      getErrHasColors: () => hasColours(io, 'stderr'),
      outputError: (text, write) => write(text.replace(/^error:/, paint(io, 'stderr', 'red', 'error:'))),
    });
}

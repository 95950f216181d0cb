import { Command, Option } from 'commander';
import { hasColours, paint, type Io } from './io.ts';
import { examples, parseDuration } from './options.ts';
import type { Surroundings } from './run.ts';
import { version } from '../lib/version.ts';
import { registerActivate } from './commands/activate.ts';
import { registerAgentUp } from './commands/agent-up.ts';
import { registerApps } from './commands/apps/index.ts';
import { registerCloudUp } from './commands/cloud-up.ts';
import { registerDeploy } from './commands/deploy.ts';
import { registerDevices } from './commands/devices.ts';
import { registerExport } from './commands/export.ts';
import { registerFunctions } from './commands/functions/index.ts';
import { registerGenerations } from './commands/generations.ts';
import { registerHashPassword } from './commands/hash-password.ts';
import { registerHelp } from './commands/help.ts';
import { registerImage } from './commands/image/index.ts';
import { registerInit } from './commands/init.ts';
import { registerInvoke } from './commands/invoke.ts';
import { registerLogs } from './commands/logs.ts';
import { registerMessages } from './commands/messages.ts';
import { registerMetrics } from './commands/metrics.ts';
import { registerPin } from './commands/pin.ts';
import { registerPlan } from './commands/plan.ts';
import { registerPush } from './commands/push.ts';
import { registerResolve } from './commands/resolve.ts';
import { registerRestore } from './commands/restore.ts';
import { registerRollback } from './commands/rollback.ts';
import { registerSecrets } from './commands/secrets.ts';
import { registerShadow } from './commands/shadow/index.ts';
import { registerSnapshot } from './commands/snapshot/index.ts';
import { registerStatus } from './commands/status.ts';
import { registerStream } from './commands/stream/index.ts';
import { registerValidate } from './commands/validate.ts';
import { registerVault } from './commands/vault/index.ts';
import { registerVersion } from './commands/version.ts';

/** The whole command tree. Commands import what they work with only when they run: `holdfast version` stays quick. */
export function buildProgram(surroundings: Surroundings): Command {
  const program = new Command('holdfast');
  configure(program, surroundings.io);
  program
    .description('One file holds the machine: run it, roll it out, restore it.')
    .version(version, '-V, --version', 'Print the version.')
    .helpOption('-h, --help', 'Print help for the command.')
    .option('--json', 'Print the result as one JSON document (streams: JSON lines) on stdout.')
    .option('--verbose', 'Print debug logs, and the stack of an error.')
    .option(
      '--context <file>',
      "How to reach the cloud (default: $HOLDFAST_CONTEXT, or the user's context.json).",
    )
    .option('--root <dir>', "The agent's folder (default: $HOLDFAST_ROOT, or the data folder).")
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
  for (const register of registrations) register(program, surroundings);
  return program;
}

const registrations: readonly ((program: Command, surroundings: Surroundings) => void)[] = [
  registerInit,
  registerValidate,
  registerPlan,
  registerResolve,
  registerPush,
  registerImage,
  registerDeploy,
  registerActivate,
  registerGenerations,
  registerRollback,
  registerPin,
  registerDevices,
  registerStatus,
  registerLogs,
  registerMetrics,
  registerInvoke,
  registerApps,
  registerFunctions,
  registerStream,
  registerMessages,
  registerShadow,
  registerSecrets,
  registerSnapshot,
  registerVault,
  registerExport,
  registerRestore,
  registerCloudUp,
  registerAgentUp,
  registerHashPassword,
  registerHelp,
  registerVersion,
];

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
      writeErr: (text) => io.stderr.write(text),
      getOutHasColors: () => hasColours(io, 'stdout'),
      getErrHasColors: () => hasColours(io, 'stderr'),
      outputError: (text, write) => write(text.replace(/^error:/, paint(io, 'stderr', 'red', 'error:'))),
    });
}

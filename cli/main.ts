#!/usr/bin/env node
import { errorCode } from '../lib/error-code.ts';
import { hideWarning } from './hide-warning.ts';
import { interruptSignal } from './interrupt.ts';
import { exitCodes, type ExitCode } from './exit-codes.ts';
import type { Io } from './io.ts';
import { addCommands, createProgram } from './program.ts';
import { reportError } from './report-error.ts';
import type { GlobalOptions } from './run.ts';

const io: Io = { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr, env: process.env };

// url.parse: mqtt.js still calls it. The agent's stderr is JSON lines.
hideWarning('DEP0169');

async function main(argv: readonly string[]): Promise<ExitCode> {
  const signal = interruptSignal(() => {
    if (io.stderr.isTTY) io.stderr.write('\nStopping. Press Ctrl-C again to force it.\n');
  });
  const program = createProgram(io);
  try {
    await addCommands(program, { io, signal }, argv.slice(2));
    await program.parseAsync([...argv]);
    return 0;
  } catch (error) {
    const options = program.opts<Partial<GlobalOptions>>();
    const json = options.json ?? argv.includes('--json');
    return reportError(io, signal.aborted ? signal.reason : error, {
      json,
      verbose: options.verbose ?? false,
    });
  }
}

/** `holdfast messages … | head` closes our stdout early: that is no failure. What a full disk did not take is one. */
function exitOfLostOutput(error: Error, otherwise: ExitCode): ExitCode {
  if (errorCode(error) === 'EPIPE') return otherwise;
  const lost = new Error(`Cannot write to stdout: ${error.message}`, { cause: error });
  return reportError(io, Object.assign(lost, { code: errorCode(error) }), { json: false, verbose: false });
}

const endWithLostOutput = (error: Error) => process.exit(exitOfLostOutput(error, exitCodes.ok));
process.stdout.on('error', endWithLostOutput);
// Whoever read our remarks and logs is gone, as `tee` is at Ctrl-C, or their disk is full: the work goes on to its end without them.
process.stderr.on('error', () => undefined);

const code = await main(process.argv);
// Pipes are written asynchronously on some systems: leave once both are flushed.
process.stdout.write('', () => {
  const { errored } = process.stdout;
  const isNoMatter = errored === null || !process.stdout.listeners('error').includes(endWithLostOutput);
  const exit = isNoMatter ? code : exitOfLostOutput(errored, code);
  process.stderr.write('', () => process.exit(exit));
});

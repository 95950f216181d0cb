#!/usr/bin/env node
import { hideWarning } from './hide-warning.ts';
import { interruptSignal } from './interrupt.ts';
import type { ExitCode } from './exit-codes.ts';
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

// `holdfast messages … | head` closes our stdout early: that is no failure. A disk that is full is one.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  const lost = new Error(`Cannot write to stdout: ${error.message}`, { cause: error });
  process.exit(reportError(io, Object.assign(lost, { code: error.code }), { json: false, verbose: false }));
});

// Whoever read our remarks and logs is gone, as `tee` is at Ctrl-C, or their disk is full: the work goes on to its end without them.
process.stderr.on('error', () => undefined);

const code = await main(process.argv);
// Pipes are written asynchronously on some systems: leave once both are flushed, and what they say of it is heard.
process.stdout.write('', () => process.stderr.write('', () => setImmediate(() => process.exit(code))));

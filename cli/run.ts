import type { Command } from 'commander';
import { isCodedError } from '../lib/coded-error.ts';
import { createLogger, type Logger, type LogSink } from '../lib/logger.ts';
import type { Io } from './io.ts';
import { stderrLogSink } from './log-sink.ts';
import { Output } from './output.ts';
import { forRepository } from './vault/repository-hint.ts';

export type GlobalOptions = {
  readonly json?: true;
  readonly verbose?: true;
  readonly context?: string;
  readonly root?: string;
  /** Milliseconds. */
  readonly retry: number;
};

/** All that a command works with. */
export type Run = {
  readonly io: Io;
  readonly out: Output;
  readonly globals: GlobalOptions;
  readonly logger: Logger;
  /** Where `logger` writes; for parts that make their own logger. */
  readonly logSink: LogSink;
  /** Aborts on Ctrl-C. */
  readonly signal: AbortSignal;
};

export type Surroundings = { readonly io: Io; readonly signal: AbortSignal };

/**
 * Makes a commander action of `work(run, options, ...arguments)`. The types of options and arguments are those that the
 * command's own parsers produce; commander has checked them when this is called.
 */
export function action(
  { io, signal }: Surroundings,
  work: (run: Run, options: never, ...args: never[]) => Promise<void>,
): (...params: unknown[]) => Promise<void> {
  const call = work as (run: Run, options: GlobalOptions, ...args: unknown[]) => Promise<void>;
  return async (...params) => {
    const command = params.at(-1) as Command;
    const options = command.optsWithGlobals<GlobalOptions & { readonly repository?: unknown }>();
    const verbose = options.verbose ?? false;
    const logSink = stderrLogSink(io, { verbose });
    const run: Run = {
      io,
      out: new Output(io, { json: options.json ?? false }),
      globals: options,
      logSink,
      logger: createLogger(logSink),
      signal,
    };
    try {
      await call(run, options, ...params.slice(0, -2));
    } catch (error) {
      throw withRepository(error, options.repository);
    }
  };
}

/** The same error; its hint was worded where nobody knows of `--repository`. */
function withRepository(error: unknown, repository: unknown): unknown {
  if (!isCodedError(error) || error.hint === undefined || typeof repository !== 'string') return error;
  return Object.assign(error, { hint: forRepository(error.hint, repository) });
}

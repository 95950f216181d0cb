import { exitWithoutThreads } from '../lib/exit-without-threads.ts';
import { CliError } from './errors.ts';
import { exitCodes } from './exit-codes.ts';

const signals = ['SIGINT', 'SIGTERM'] as const;

/**
 * A signal that aborts on the first Ctrl-C or SIGTERM, so that work unwinds and leaves nothing half-done. The second
 * one exits at once, also where a system call does not return: a pipe that nobody reads, a network disk that is gone.
 */
export function interruptSignal(onFirst: () => void): AbortSignal {
  const controller = new AbortController();
  const stop = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) exitAtOnce();
    onFirst();
    controller.abort(new CliError('interrupted', 'Interrupted.', { cause: name }));
  };
  for (const signal of signals) process.on(signal, stop);
  return controller.signal;
}

function exitAtOnce(): never {
  process.once('exit', exitWithoutThreads);
  process.exit(exitCodes.interrupted);
}

/** Whether it was Ctrl-C that ended it, by somebody at a terminal, and not whoever looks after this process. */
export function isByHand({ reason }: AbortSignal): boolean {
  return reason instanceof CliError && reason.cause === 'SIGINT';
}

/** Resolves when `signal` aborts: how a daemon in the foreground waits for its end. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

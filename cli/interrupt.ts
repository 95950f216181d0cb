import { CliError } from './errors.ts';
import { exitCodes } from './exit-codes.ts';

const signals = ['SIGINT', 'SIGTERM'] as const;

/**
 * A signal that aborts on the first Ctrl-C or SIGTERM, so that work unwinds and leaves nothing half-done. The second
 * one exits at once.
 */
export function interruptSignal(onFirst: () => void): AbortSignal {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) process.exit(exitCodes.interrupted);
    onFirst();
    controller.abort(new CliError('interrupted', 'Interrupted.'));
  };
  for (const signal of signals) process.on(signal, stop);
  return controller.signal;
}

/** Resolves when `signal` aborts: how a daemon in the foreground waits for its end. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

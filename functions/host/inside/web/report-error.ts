import { ErrorEvent } from './events.ts';
import { fire, type EventTarget } from './event-target.ts';
import { ports } from './ports.ts';
import { inspect } from './inspect.ts';

const busy = { reporting: false };

/** HTML §8.1.4.6: an error event at the global object; to the log when nobody prevents that. */
export function reportException(error: unknown): void {
  const { message, filename, lineno, colno } = placeOf(error);
  const fields = { message, filename, lineno, colno, error, cancelable: true };
  // A listener that fails while an error is reported is logged only.
  let handled = false;
  if (!busy.reporting) {
    busy.reporting = true;
    try {
      handled = !fire(globalThis as unknown as EventTarget, new ErrorEvent('error', fields));
    } finally {
      busy.reporting = false;
    }
  }
  if (!handled) ports.log('error', `Uncaught ${inspect(error)}`);
}

export function reportError(error: unknown): void {
  if (arguments.length === 0) throw new TypeError('reportError needs a value');
  reportException(error);
}

function placeOf(error: unknown) {
  const { name = '', message = '', stack = '' } = error instanceof Error ? error : { message: String(error) };
  const [, filename = '', line = '0', column = '0'] =
    /(?:\(|at )([^\s()]+):(\d+):(\d+)\)?$/m.exec(stack) ?? [];
  const text = error instanceof Error ? `Uncaught ${name}: ${message}` : `Uncaught ${message}`;
  return { message: text, filename, lineno: Number(line), colno: Number(column) };
}

import { FunctionError, type FunctionErrorCode } from '../function-error.ts';
import type { HostFailure } from './host-messages.ts';

/** What the caller of `invoke` gets for a failure the host reports. */
export function invocationError(
  name: string,
  { code, message, stack, noRetry }: HostFailure,
  mapStack: (stack: string) => string,
): FunctionError {
  if (code === 'isolateLost') return hostLost(name, message);
  // What is no Error has no stack: the log would have no word of it.
  const withoutStack = code === 'threw' ? message : undefined;
  const tenantStack = stack === undefined ? withoutStack : mapStack(stack);
  return new FunctionError(code, `Function ${name} failed: ${message}`, {
    tenantStack,
    noRetry: noRetry === true,
    ...hints(name, code, tenantStack),
  });
}

/** The event was not handled through no fault of this invocation: deliver it again. */
export function hostLost(name: string, why: string): FunctionError {
  return new FunctionError('hostLost', `Function ${name} was interrupted: ${why}`, { transient: true });
}

const isPlace = /:\d+:\d+/;

function hints(
  name: string,
  code: FunctionErrorCode,
  tenantStack: string | undefined,
): { hint: string } | undefined {
  switch (code) {
    case 'timeout':
      return {
        hint: `Raise functions.${name}.limits.timeout, or check that the handler awaits what will settle.`,
      };
    case 'cpu':
      return { hint: `Raise functions.${name}.limits.cpu, or do less per event.` };
    case 'memory':
      return { hint: `Raise functions.${name}.limits.memory, or keep less.` };
    case 'threw':
      return isPlace.test(tenantStack ?? '')
        ? { hint: 'Its logs say where in the source: holdfast logs.' }
        : undefined;
    default:
      return undefined;
  }
}

import { limits, type Failure, type FailureCode } from './protocol.ts';

/**
 * Reads what an isolate says. The code that says it is ours, but it runs on builtins the tenant may have bent (a `toJSON` on
 * Object.prototype is enough), so nothing of the form is believed.
 */
export function readFailure(text: string): Failure {
  const { code, message, stack } = record(text);
  return {
    code: isFailureCode(code) ? code : 'threw',
    message:
      typeof message === 'string'
        ? message.slice(0, limits.errorChars + 256)
        : 'an error that cannot be shown',
    ...(typeof stack === 'string' && stack !== '' && { stack: stack.slice(0, limits.errorChars) }),
  };
}

/** Undefined: not a call. */
export function readCall(text: string): { binding: string; method: string; args: unknown } | undefined {
  const { binding, method, args } = record(text);
  if (typeof binding !== 'string' || typeof method !== 'string') return undefined;
  return { binding: binding.slice(0, 64), method: method.slice(0, 32), args };
}

export function readHandlers(text: unknown): string[] {
  const value = parse(text);
  const known = ['message', 'scheduled', 'invoke', 'handler'];
  return Array.isArray(value) ? known.filter((name) => value.includes(name)) : [];
}

export function readLog(text: string): { level: 'debug' | 'info' | 'warn' | 'error'; message: string } {
  const [, level = 'info', message = ''] = /^(debug|info|warn|error):([^]*)$/.exec(text) ?? [];
  return { level: level as 'info', message: message.slice(0, limits.logLineChars + 1) };
}

/** What a tenant itself may fail with; the other codes are the host's to give. */
function isFailureCode(code: unknown): code is FailureCode {
  return code === 'threw' || code === 'denied' || code === 'resultTooLarge' || code === 'noHandler';
}

function record(text: string): Record<string, unknown> {
  const value = parse(text);
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function parse(text: unknown): unknown {
  try {
    return typeof text === 'string' ? (JSON.parse(text) as unknown) : undefined;
  } catch {
    return undefined;
  }
}

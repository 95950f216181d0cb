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

type Call = { binding: string; method: string; args: unknown };

/** A call no larger than a frame takes, or why it is none. The isolate has measured it by getters the tenant may have bent. */
export function readCall(text: string, bytes: Uint8Array | undefined): Call | { refusal: string } {
  const { binding, method, args } = text.length <= limits.callArgsChars ? record(text) : {};
  if (typeof binding !== 'string' || typeof method !== 'string')
    return { refusal: 'A call is refused: it names no binding and method, or is too large' };
  const call = { binding: binding.slice(0, 64), method: method.slice(0, 32), args };
  const size = bytes?.byteLength ?? 0;
  if (size <= limits.callBytes) return call;
  const name = `env.${call.binding}.${call.method}`;
  return { refusal: `${name} is refused: ${size} bytes; the limit is ${limits.callBytes}` };
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

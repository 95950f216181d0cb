import { doneWith } from './inside/answer.ts';
import { limits, type Failure, type FailureCode } from './protocol.ts';

/**
 * Reads what an isolate says. The code that says it is ours, but it runs on builtins the tenant may have bent (a `toJSON` on
 * Object.prototype is enough), so nothing of the form is believed.
 */
export function readFailure(text: string): Failure {
  const { code, message, stack, noRetry } = record(text);
  return {
    code: isFailureCode(code) ? code : 'threw',
    message:
      typeof message === 'string'
        ? message.slice(0, limits.errorChars + 256)
        : 'an error that cannot be shown',
    ...(typeof stack === 'string' && stack !== '' && { stack: stack.slice(0, limits.errorChars) }),
    ...(noRetry === true && { noRetry }),
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
  const maxBytes = call.method === 'fetch' ? limits.fetchBytes : limits.callBytes;
  if (size <= maxBytes) return call;
  const name = call.binding === '' ? call.method : `env.${call.binding}.${call.method}`;
  return { refusal: `${name} is refused: ${size} bytes; the limit is ${maxBytes}` };
}

/** What a call that is refused here is told. */
export function refusalJson(message: string): string {
  return JSON.stringify({ ok: false, code: 'badCall', message });
}

export function bytesOf(payload: string | Uint8Array | undefined): Uint8Array | undefined {
  return typeof payload === 'string' ? Buffer.from(payload, 'utf8') : payload;
}

export type DoneOutcome =
  | { readonly json: string }
  | { readonly response: ResponseHead; readonly body: Uint8Array }
  | { readonly failure: Failure };

/** What `done` says, bounded. */
export function readOutcome(
  kind: number,
  text: string,
  bytes: Uint8Array | undefined,
  maxBytes: number,
): DoneOutcome {
  const body = kind === doneWith.response ? (bytes ?? new Uint8Array(0)) : undefined;
  const size = body?.byteLength ?? Buffer.byteLength(text, 'utf8');
  if (size > maxBytes) {
    const message = `The result is ${size} bytes; the limit is ${maxBytes}`;
    return { failure: { code: 'resultTooLarge', message } };
  }
  if (!body) return { json: text };
  const response = readResponse(text);
  if (response) return { response, body };
  const message = `HTTP cannot carry the status and headers of the response, or they are more than ${limits.responseHeaders} headers or ${limits.responseHeaderChars} characters`;
  return { failure: { code: 'threw', message } };
}

type ResponseHead = { status: number; headers: [name: string, value: string][] };

/** The head of an HTTP answer, or undefined when HTTP cannot carry it. */
function readResponse(text: string): ResponseHead | undefined {
  if (text.length > limits.responseHeaderChars) return undefined;
  const { status, headers } = record(text);
  if (typeof status !== 'number' || !Number.isInteger(status) || status < 200 || status > 599)
    return undefined;
  if (!Array.isArray(headers) || headers.length > limits.responseHeaders) return undefined;
  return headers.every(isHeader) ? { status, headers } : undefined;
}

function isHeader(pair: unknown): pair is [name: string, value: string] {
  if (!Array.isArray(pair) || pair.length !== 2) return false;
  const [name, value] = pair as unknown[];
  if (typeof name !== 'string' || typeof value !== 'string') return false;
  return headerName.test(name) && !/[\0\r\n]|[^\0-\u00ff]/.test(value);
}

const headerName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,256}$/;

export function readHandlers(text: unknown): string[] {
  const value = parse(text);
  const known = ['message', 'scheduled', 'queue', 'fetch', 'file', 'invoke', 'handler'];
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

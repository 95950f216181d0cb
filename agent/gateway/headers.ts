import { validateHeaderName, validateHeaderValue } from 'node:http';
import { limits } from './limits.ts';
import { Refusal } from './refusal.ts';

export type HeaderList = readonly (readonly [name: string, value: string])[];

/** They speak of one connection, not of the message (RFC 9110 §7.6.1). */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * What a function sees: names in lower case, several cookie fields as one (RFC 6265 §5.4 has one only). `withheld`: names
 * that stay with the gateway.
 */
export function headersForFunction(raw: readonly string[], withheld: readonly string[]): [string, string][] {
  const all = pairs(raw);
  const dropped = new Set([...hopByHop, ...nominated(all), ...withheld, 'expect']);
  const cookies = all.flatMap(([name, value]) => (name === 'cookie' ? [value] : []));
  const kept = all.filter(([name]) => name !== 'cookie' && !dropped.has(name));
  return cookies.length === 0 ? kept : [...kept, ['cookie', cookies.join('; ')]];
}

/**
 * What of a function's answer goes out; its length is the gateway's to say. Throws Refusal 502 for headers that are no HTTP
 * or too many.
 */
export function headersForCaller(headers: HeaderList): [string, string][] {
  const lower = headers.map(([name, value]): [string, string] => [name.toLowerCase(), value]);
  const dropped = new Set([...hopByHop, ...nominated(lower), 'content-length', 'x-holdfast-invocation']);
  const kept = lower.filter(([name]) => !dropped.has(name));
  const bytes = kept.reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0);
  if (kept.length > limits.answerHeaders || bytes > limits.answerHeaderBytes)
    throw badResponse(`${kept.length} headers of ${bytes} bytes`);
  for (const [name, value] of kept) check(name, value);
  return kept;
}

/** `what` is for the log only. */
export function badResponse(what: string): Refusal {
  return new Refusal(502, 'badResponse', "The function's answer is not valid HTTP.", {
    cause: new Error(`it has ${what}`),
  });
}

function check(name: string, value: string): void {
  try {
    validateHeaderName(name);
    validateHeaderValue(name, value);
  } catch {
    throw badResponse(`the header ${JSON.stringify(name.slice(0, 80))}`);
  }
}

function pairs(raw: readonly string[]): [string, string][] {
  const all: [string, string][] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) all.push([raw[at]?.toLowerCase() ?? '', raw[at + 1] ?? '']);
  return all;
}

/** Names that the Connection header makes hop-by-hop. */
function nominated(all: HeaderList): string[] {
  return all.flatMap(([name, value]) =>
    name === 'connection' ? value.split(',').map((token) => token.trim().toLowerCase()) : [],
  );
}

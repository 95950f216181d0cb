import { validateHeaderName, validateHeaderValue } from 'node:http';
import ipaddr from 'ipaddr.js';
import { limits } from './limits.ts';
import { isLoopback } from './local-access.ts';
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

export type RequestSource = {
  /** Names of headers that stay with the gateway. */
  readonly withheld: readonly string[];
  /** The address of the connection; undefined when that is gone. */
  readonly peer: string | undefined;
};

/**
 * What a function sees: names in lower case, several cookie fields as one (RFC 6265 §5.4 has one only), and from where the request came
 * at the end of `x-forwarded-for`.
 */
export function headersForFunction(
  raw: readonly string[],
  { withheld, peer }: RequestSource,
): [string, string][] {
  const all = pairs(raw);
  const dropped = new Set([...hopByHop, ...nominated(all), ...withheld, 'expect']);
  const sent = all.filter(([name]) => !dropped.has(name));
  const joined = { cookie: valuesOf(sent, 'cookie'), 'x-forwarded-for': wayOf(sent, peer) };
  const kept = sent.filter(([name]) => !(name in joined));
  const one = (name: keyof typeof joined, by: string): [string, string][] =>
    joined[name].length === 0 ? [] : [[name, joined[name].join(by)]];
  return [...kept, ...one('cookie', '; '), ...one('x-forwarded-for', ', ')];
}

/** As the request tells it, and then whoever sent it, whom it cannot choose. A proxy on this machine has told that itself. */
function wayOf(sent: HeaderList, peer: string | undefined): string[] {
  if (peer === undefined || !ipaddr.isValid(peer)) return [];
  const told = valuesOf(sent, 'x-forwarded-for');
  return told.length > 0 && isLoopback(peer) ? told : [...told, ipaddr.process(peer).toString()];
}

function valuesOf(headers: HeaderList, wanted: string): string[] {
  return headers.flatMap(([name, value]) => (name === wanted ? [value] : []));
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

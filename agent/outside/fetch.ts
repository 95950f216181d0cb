import type { OutsideEffects } from '../../functions/index.ts';
import { AgentError } from '../errors.ts';
import { createExchange, type Exchange, type ExchangeOptions, type ExchangeResponse } from './exchange.ts';
import { resolveBySystem } from './guarded-lookup.ts';
import { redirectHeaders, type HeaderList } from './request-headers.ts';

type OutboundRequest = Parameters<OutsideEffects['fetch']>[0];

export type Fetch = Disposable & { readonly fetch: OutsideEffects['fetch'] };

const maxRedirects = 10;
/** https://fetch.spec.whatwg.org/#forbidden-method, and those that ask for a tunnel or an echo. */
const forbiddenMethods = ['CONNECT', 'TRACE', 'TRACK'];

/**
 * The way of functions to the network. Every address of every hop is checked against the granted origins and, when it was
 * looked up, against what a name may stand for. Rejects with AgentError 'denied', 'badInput', 'tooLarge', 'badMessage',
 * 'refused' (redirects), the signal's reason, or node's own error.
 */
export function createFetch(options: Partial<ExchangeOptions> = {}): Fetch {
  const exchange = createExchange({ resolve: resolveBySystem, ...options });
  return {
    fetch: (request, { signal }) => follow(exchange, request, signal),
    [Symbol.dispose]: () => exchange[Symbol.dispose](),
  };
}

type Hop = {
  readonly method: string;
  readonly url: URL;
  readonly headers: HeaderList;
  readonly body: Uint8Array | undefined;
};

async function follow(exchange: Exchange, request: OutboundRequest, signal: AbortSignal) {
  const { origins, redirect, maxResponseBytes } = request;
  if (forbiddenMethods.includes(request.method.toUpperCase()))
    throw new AgentError('badInput', `The method ${request.method} is not sent`);
  let hop: Hop = { ...request, url: new URL(request.url) };
  for (let redirects = 0; ; redirects++) {
    checkOrigin(hop.url, origins, redirects);
    const response = await exchange.send({ ...hop, maxResponseBytes }, signal);
    const target = redirect === 'manual' ? undefined : targetOf(response, hop.url);
    if (!target) return { ...response, url: hop.url.href, redirected: redirects > 0 };
    if (redirect === 'error')
      throw new AgentError('refused', `${hop.url.origin} redirects, which this request does not want`);
    if (redirects === maxRedirects)
      throw new AgentError('refused', `${hop.url.origin} redirects for the ${maxRedirects + 1}th time`);
    hop = redirected(hop, response.status, target);
    if (request.spendEgress?.(bytesOf(hop)) === false)
      throw new AgentError(
        'badInput',
        'following a redirect would send more than limits.egress lets an invocation',
      );
  }
}

function checkOrigin({ origin }: URL, origins: readonly string[], redirects: number): void {
  if (origins.includes(origin)) return;
  const where = redirects > 0 ? `it was redirected to ${origin}` : origin;
  throw new AgentError('denied', `${where} is not granted; ${origins.join(', ') || 'nothing'} is`);
}

/** Where a redirect goes; undefined when the response is none. */
function targetOf({ status, headers }: ExchangeResponse, base: URL): URL | undefined {
  if (![301, 302, 303, 307, 308].includes(status)) return undefined;
  const location = headers.find(([name]) => name === 'location')?.[1];
  if (location === undefined) return undefined;
  const target = URL.parse(location, base);
  if (!target || !/^https?:$/.test(target.protocol))
    throw new AgentError('refused', `${base.origin} redirects to something that is no web address`);
  if (target.username !== '' || target.password !== '')
    throw new AgentError('refused', `${base.origin} redirects with a user and a password`);
  target.hash = '';
  return target;
}

function bytesOf({ method, url, headers, body }: Hop): number {
  const head = headers.reduce((sum, [name, value]) => sum + name.length + Buffer.byteLength(value) + 4, 0);
  return method.length + Buffer.byteLength(url.href) + head + (body?.byteLength ?? 0);
}

/** https://fetch.spec.whatwg.org/#http-redirect-fetch, steps 12 to 14 */
function redirected({ method, url, headers, body }: Hop, status: number, target: URL): Hop {
  const dropsBody =
    ((status === 301 || status === 302) && method === 'POST') ||
    (status === 303 && method !== 'GET' && method !== 'HEAD');
  return {
    method: dropsBody ? 'GET' : method,
    url: target,
    headers: redirectHeaders(headers, { dropsBody, leavesOrigin: target.origin !== url.origin }),
    body: dropsBody ? undefined : body,
  };
}

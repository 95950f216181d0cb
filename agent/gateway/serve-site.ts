import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerOf } from '../apps/sites/site-answer.ts';
import { requireLocal } from './local-access.ts';
import { Refusal } from './refusal.ts';
import type { RequestTarget } from './request-target.ts';
import { sendFile } from './send-file.ts';
import { pathBelow, type SiteRoute } from './site-route.ts';

export type SiteExchange = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly invocation: string;
  readonly ending: AbortController;
};

/** A site is for programs and people of its machine, as an http trigger is that says nothing else. Throws Refusal 403 and 405. */
export function requireSiteAccess(request: IncomingMessage, { url }: RequestTarget): void {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    throw new Refusal(405, 'methodNotAllowed', 'A site takes GET and HEAD only.', {
      headers: { allow: 'GET, HEAD' },
    });
  }
  requireLocal(request, url);
}

/** Resolves to the bytes of the body. Throws Refusal 404. */
export async function serveSite(
  exchange: SiteExchange,
  route: SiteRoute,
  { url, path: requested }: RequestTarget,
): Promise<number> {
  const { headers } = exchange.request;
  const path = pathBelow(route, requested);
  if (path === null) throw notFound();
  const answer = await answerOf(route.site, {
    path,
    headers: {
      acceptEncoding: textOf(headers['accept-encoding']),
      ifNoneMatch: headers['if-none-match'],
      ifRange: textOf(headers['if-range']),
      range: headers.range,
    },
  });
  if (answer === 'nothing') throw notFound();
  if (answer !== 'folder') return sendFile(exchange, answer);
  // Of one host, whatever the path says: it begins with the route, and has no empty name in it.
  const location = `${url.pathname}/${url.search}`;
  return sendFile(exchange, {
    status: 301,
    headers: { location, 'cache-control': 'no-cache' },
    body: undefined,
  });
}

function textOf(header: string | readonly string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : header?.join(', ');
}

function notFound(): Refusal {
  return new Refusal(404, 'notFound', 'There is nothing here.');
}

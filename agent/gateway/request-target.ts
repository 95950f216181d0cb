import type { IncomingMessage } from 'node:http';
import { canonicalPath, type CanonicalPath } from './canonical-path.ts';
import { limits } from './limits.ts';
import { Refusal } from './refusal.ts';

export type RequestTarget = { readonly url: URL; readonly path: CanonicalPath };

const authorityPattern = /^(?:[a-z0-9._~-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?$/i;

/** Where a request goes: origin-form with its Host header, or absolute-form (RFC 9112 §3.2). Throws Refusal 400 or 414. */
export function parseTarget({ url: target = '', headers, headersDistinct }: IncomingMessage): RequestTarget {
  if (target.length > limits.urlChars)
    throw new Refusal(414, 'urlTooLong', `The URL is longer than ${limits.urlChars} characters.`);
  // RFC 9112 §3.2: which of two would be meant is anybody's guess.
  if ((headersDistinct.host?.length ?? 0) > 1)
    throw new Refusal(400, 'badRequest', 'There is more than one Host header.');
  const url = target.startsWith('/') ? originForm(target, headers.host) : absoluteForm(target);
  const path = url && canonicalPath(url.pathname);
  if (!url || !path) throw new Refusal(400, 'badRequest', 'The URL or the Host header cannot be read.');
  return { url, path };
}

/** HTTP/1.1 without a Host header is refused by node; HTTP/1.0 need not have one. */
function originForm(target: string, host = 'localhost'): URL | null {
  return authorityPattern.test(host) ? URL.parse(`http://${host}${target}`) : null;
}

/** Its authority takes the place of the Host header. */
function absoluteForm(target: string): URL | null {
  const url = URL.parse(target);
  return url?.protocol === 'http:' && url.username === '' && url.password === '' ? url : null;
}

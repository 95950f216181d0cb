import ipaddr from 'ipaddr.js';
import { Refusal } from './refusal.ts';
import type { RequestHead } from './request-head.ts';

/**
 * Lets in programs of this machine only. Throws Refusal 403.
 *
 * The address of the connection decides; headers such as X-Forwarded-For are what a stranger wrote. A web page in a browser
 * of this machine is a stranger too: one that rebound its own name to 127.0.0.1 shows in the Host header, one that sends a
 * request across origins in Origin or Sec-Fetch-Site. Pages of this machine (any port of localhost) and links that a person
 * follows are let in.
 */
export function requireLocal(request: RequestHead, url: URL): void {
  const { headers, method, socket } = request;
  if (!isLoopback(socket.remoteAddress ?? ''))
    throw forbidden('This route is for programs of its own machine.');
  if (!isLoopbackName(url.hostname))
    throw forbidden('This route answers to the names localhost, 127.0.0.1 and [::1] only.');
  const { origin } = headers;
  if (origin !== undefined) {
    if (!isLocalOrigin(origin)) throw forbidden('This route is not for pages of other sites.');
    return;
  }
  if (headers['sec-fetch-site'] === 'cross-site' && !isLinkFollowed(method, headers))
    throw forbidden('This route is not for pages of other sites.');
}

export function isLoopback(address: string): boolean {
  return ipaddr.isValid(address) && ipaddr.process(address).range() === 'loopback';
}

function isLoopbackName(hostname: string): boolean {
  return hostname === 'localhost' || isLoopback(hostname.replace(/^\[(.*)\]$/, '$1'));
}

function isLocalOrigin(origin: string): boolean {
  const url = URL.parse(origin);
  return url !== null && /^https?:$/.test(url.protocol) && isLoopbackName(url.hostname);
}

function isLinkFollowed(method: string | undefined, headers: RequestHead['headers']): boolean {
  const { 'sec-fetch-mode': mode, 'sec-fetch-dest': destination } = headers;
  return (method === 'GET' || method === 'HEAD') && mode === 'navigate' && destination === 'document';
}

function forbidden(detail: string): Refusal {
  return new Refusal(403, 'forbidden', detail);
}

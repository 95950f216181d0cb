import { version } from '../../lib/version.ts';

export type HeaderList = readonly (readonly [name: string, value: string])[];

/** They belong to the connection, which is the agent's: RFC 9110 §7.6.1, and what would let a function speak in another's name. */
const ours = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'via',
]);

export function isOurs(name: string): boolean {
  return ours.has(name) || name.startsWith('proxy-');
}

/** What is sent for the headers of a function: lower-case names with all their values, without those that are ours. */
export function requestHeaders(
  headers: HeaderList,
  body: Uint8Array | undefined,
): Record<string, string[] | undefined> {
  const sent: Record<string, string[] | undefined> = Object.create(null) as Record<string, undefined>;
  for (const [written, value] of headers) {
    const name = written.toLowerCase();
    if (!isOurs(name)) (sent[name] ??= []).push(value);
  }
  sent.accept ??= ['*/*'];
  sent['accept-encoding'] ??= ['gzip, deflate, br'];
  sent['user-agent'] ??= [`Holdfast/${version}`];
  if (body) sent['content-length'] = [String(body.byteLength)];
  return sent;
}

const ofTheBody = ['content-encoding', 'content-language', 'content-location', 'content-type'];
const credentials = ['authorization', 'cookie'];

/** For a redirect that leaves the body, or the origin. https://fetch.spec.whatwg.org/#http-redirect-fetch */
export function redirectHeaders(
  headers: HeaderList,
  { dropsBody, leavesOrigin }: { readonly dropsBody: boolean; readonly leavesOrigin: boolean },
): HeaderList {
  const dropped = [...(dropsBody ? ofTheBody : []), ...(leavesOrigin ? credentials : [])];
  return headers.filter(([name]) => !dropped.includes(name.toLowerCase()));
}

import { z } from 'zod';
import type { FunctionResponse } from '../ports.ts';
import { argumentsOf, badCall, type BindingCall, type CallReply } from './call.ts';

/** RFC 9110 §5.6.2: a token. */
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

const requestArguments = z.strictObject({
  method: z.string().max(32).regex(token, 'an HTTP method'),
  url: z.string().max(8192),
  headers: z
    .array(
      z.tuple([
        z.string().max(256).regex(token, 'the name of a header'),
        // RFC 9110 §5.5: without these it could begin a header, or a request, of its own.
        z.string().regex(/^[^\0\r\n]*$/, 'the value of a header: one line'),
      ]),
    )
    .max(256),
  redirect: z.enum(['follow', 'manual', 'error']).default('follow'),
});

export type BindingRequest = Omit<z.output<typeof requestArguments>, 'url'> & {
  readonly url: URL;
  /** What it costs of `limits.egress`. */
  readonly bytes: number;
};

/** The request that a call of `fetch` carries besides its body. Throws FunctionError `badCall`. */
export function requestOf(call: BindingCall): BindingRequest {
  const { url: text, method, headers, redirect } = argumentsOf(requestArguments, call);
  const url = URL.parse(text);
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    throw badCall(call, `${text.slice(0, 200)} is not an http:// or https:// address`);
  if (url.username !== '' || url.password !== '')
    throw badCall(call, 'a user and a password in an address are not sent; give an Authorization header');
  url.hash = '';
  const head = headers.reduce((sum, [name, value]) => sum + name.length + Buffer.byteLength(value) + 4, 0);
  const bytes = method.length + Buffer.byteLength(url.href) + head + call.body.byteLength;
  return { url, method: normalised(method), headers, redirect, bytes };
}

export function responseReply(
  { status, headers, body }: FunctionResponse,
  { url, redirected }: { readonly url: string; readonly redirected: boolean },
): CallReply {
  return { json: { status, headers, url, redirected }, bytes: body };
}

/** https://fetch.spec.whatwg.org/#concept-method-normalize: these and no others. */
function normalised(method: string): string {
  const upper = method.toUpperCase();
  return ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT'].includes(upper) ? upper : method;
}

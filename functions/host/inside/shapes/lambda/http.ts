import { responseAnswer } from '../../answer.ts';
import type { Answer } from '../../types.ts';
import { decodeBase64, encodeBase64 } from '../../web/base64.ts';
import { Headers, wireForm } from '../../web/headers.ts';
import type { EventHeader, ShapeTools } from '../shape.ts';
import { account } from './names.ts';

type Header = Extract<EventHeader, { kind: 'fetch' }>;

/** As an HTTP API of API Gateway with payload format 2.0. */
export function apiGatewayEvent(
  { text, now }: ShapeTools,
  header: Header,
  payload: Uint8Array,
  requestId: string,
): object {
  const { method, route } = header;
  const { host, path, query } = splitUrl(header.url);
  const headers = new Headers(header.headers);
  const fields = Object.fromEntries(headers);
  const routeKey = `ANY ${route.replace(/\/\*$/, '/{proxy+}')}`;
  const timeEpoch = now();
  const cookie = headers.get('cookie');
  return {
    version: '2.0',
    routeKey,
    rawPath: path,
    rawQueryString: query,
    ...(cookie === null ? {} : { cookies: cookie.split(/;\s*/) }),
    headers: fields,
    ...queryOf(query),
    ...proxyOf(route, path),
    requestContext: {
      accountId: account,
      apiId: 'holdfast',
      domainName: host,
      domainPrefix: host.split(/[.:]/, 1)[0] ?? '',
      http: {
        method,
        path,
        protocol: 'HTTP/1.1',
        // The gateway puts from where the request came last; without a gateway nobody has.
        sourceIp: headers.get('x-forwarded-for')?.split(',').at(-1)?.trim() ?? '',
        userAgent: headers.get('user-agent') ?? '',
      },
      requestId,
      routeKey,
      stage: '$default',
      time: commonLogTime(timeEpoch),
      timeEpoch,
    },
    ...bodyOf(headers.get('content-type') ?? '', payload, (bytes) => text.decode(bytes)),
  };
}

/** The gateway gives absolute addresses, already in normal form. */
function splitUrl(url: string): { host: string; path: string; query: string } {
  const [, host = '', path = '', query = ''] = /^[a-z]+:\/\/([^/?#]*)([^?#]*)\??([^#]*)/.exec(url) ?? [];
  return { host, path: path === '' ? '/' : path, query };
}

function queryOf(query: string): object {
  if (query === '') return {};
  const values = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(query)) {
    const before = values.get(name);
    values.set(name, before === undefined ? value : `${before},${value}`);
  }
  return { queryStringParameters: Object.fromEntries(values) };
}

function proxyOf(route: string, path: string): object {
  if (!route.endsWith('/*')) return {};
  // By segments: a route may have characters that are escaped in a path.
  const proxy = path
    .split('/')
    .slice(route.split('/').length - 1)
    .join('/');
  return proxy === '' ? {} : { pathParameters: { proxy } };
}

/** API Gateway takes these for text, and nothing else. */
const textual = /^(text\/|application\/(json|javascript|xml|[^;]*\+(json|xml)))/i;

function bodyOf(type: string, payload: Uint8Array, decode: (bytes: Uint8Array) => string): object {
  if (payload.length === 0) return { isBase64Encoded: false };
  if (textual.test(type)) return { body: decode(payload), isBase64Encoded: false };
  return { body: encodeBase64(payload), isBase64Encoded: true };
}

/** `12/Mar/2020:19:03:58 +0000` */
function commonLogTime(ms: number): string {
  const [, day = '', month = '', year = '', time = ''] = new Date(ms).toUTCString().split(' ');
  return `${day}/${month}/${year}:${time} +0000`;
}

type Result = {
  readonly statusCode?: unknown;
  readonly headers?: Readonly<Record<string, unknown>> | null;
  readonly multiValueHeaders?: Readonly<Record<string, readonly unknown[]>> | null;
  readonly cookies?: readonly unknown[] | null;
  readonly body?: unknown;
  readonly isBase64Encoded?: unknown;
};

/**
 * An object with a statusCode is the response; anything else is the body of a 200 in JSON, a string as it is, as API Gateway
 * infers it. Throws TypeError when it is no response.
 */
export function apiGatewayAnswer({ safe, text, setup }: ShapeTools, result: unknown): Answer {
  const { resultBytes } = setup.limits;
  const { statusCode } = (result ?? {}) as Result;
  if (statusCode === undefined) {
    const body = typeof result === 'string' ? result : safe.stringify(result ?? null);
    if (body === undefined)
      throw new TypeError(`The handler returned a ${typeof result}, which JSON cannot carry`);
    const headers: [string, string][] = [['content-type', 'application/json']];
    return responseAnswer({ status: 200, headers }, text.encode(body), resultBytes);
  }
  const response = result as Result;
  const status = Number(statusCode);
  if (!Number.isInteger(status) || status < 200 || status > 599)
    throw new TypeError(
      `The handler returned the statusCode ${JSON.stringify(statusCode)}; it is a number from 200 to 599`,
    );
  return responseAnswer(
    { status, headers: wireForm(headersOf(response)) },
    bytesOf(response, text),
    resultBytes,
  );
}

function headersOf({ headers, multiValueHeaders, cookies }: Result): Headers {
  const own = new Headers();
  for (const [name, value] of Object.entries(headers ?? {})) if (value !== undefined) own.set(name, value);
  for (const [name, values] of Object.entries(multiValueHeaders ?? {})) {
    own.delete(name);
    for (const value of values) own.append(name, value);
  }
  for (const cookie of cookies ?? []) own.append('set-cookie', cookie);
  return own;
}

function bytesOf({ body, isBase64Encoded }: Result, text: ShapeTools['text']): Uint8Array {
  if (body === undefined || body === null) return new Uint8Array(0);
  if (typeof body !== 'string')
    throw new TypeError(
      `The handler returned a body that is a ${typeof body}; it is a string, such as JSON.stringify gives`,
    );
  return isBase64Encoded === true ? decodeBase64(body) : text.encode(body);
}

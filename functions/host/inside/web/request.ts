import {
  Body,
  payloadContent,
  cloneContent,
  extractBody,
  moveContent,
  type BodyInit,
  type Content,
} from './body.ts';
import type { Payload } from '../types.ts';
import { dictionary } from './event.ts';
import { defineInterface } from './interface.ts';
import { Headers, sealedHeaders, type HeadersInit } from './headers.ts';

export type RequestInit = {
  readonly method?: string;
  readonly headers?: HeadersInit;
  readonly body?: BodyInit | null;
  readonly redirect?: 'follow' | 'manual' | 'error';
  readonly signal?: AbortSignal | null;
  /** Taken and without effect here: there are no pages, caches or referrers. */
  readonly cache?: string;
  readonly credentials?: string;
  readonly duplex?: 'half';
  readonly integrity?: string;
  readonly keepalive?: boolean;
  readonly mode?: string;
  readonly referrer?: string;
  readonly referrerPolicy?: string;
};

/** A request that came to the function; its headers cannot be changed. */
export type ReceivedRequest = {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly payload: Payload;
};

type State = {
  method: string;
  url: string;
  headers: Headers;
  redirect: 'follow' | 'manual' | 'error';
  signal: AbortSignal | undefined;
  keepalive: boolean;
};

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const wellKnown = new Set(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT']);
const forbidden = new Set(['CONNECT', 'TRACE', 'TRACK']);
const redirects: readonly unknown[] = ['follow', 'manual', 'error'];

/** What the constructor gives to `received` and `clone`, which have checked everything. */
type Made = { readonly state: State; readonly content: Content | null };

let made: Made | undefined;
let isRequest: (value: unknown) => value is Request;

/** [Fetch §5.4] */
export class Request extends Body {
  readonly #state: State;

  static {
    isRequest = (value): value is Request => typeof value === 'object' && value !== null && #state in value;
  }

  constructor(input: Request | URL | string, init: RequestInit | null = {}) {
    const { state, content } = made ?? build(input, init);
    made = undefined;
    super(content);
    this.#state = state;
  }

  get method(): string {
    return this.#state.method;
  }
  get url(): string {
    return this.#state.url;
  }
  get headers(): Headers {
    return this.#state.headers;
  }
  get redirect(): 'follow' | 'manual' | 'error' {
    return this.#state.redirect;
  }
  /** One that never aborts when none was given. */
  get signal(): AbortSignal {
    return (this.#state.signal ??= new AbortController().signal);
  }
  get keepalive(): boolean {
    return this.#state.keepalive;
  }
  clone(): Request {
    const content = cloneContent(this);
    return make({ state: { ...this.#state, headers: new Headers(this.#state.headers) }, content });
  }
}

/** What a browser would answer here; none of it has an effect. */
const constants = {
  cache: 'default',
  credentials: 'same-origin',
  destination: '',
  duplex: 'half',
  integrity: '',
  mode: 'cors',
  referrer: 'about:client',
  referrerPolicy: '',
};
for (const [name, value] of Object.entries(constants)) {
  Object.defineProperty(Request.prototype, name, { get: () => value, configurable: true });
}
defineInterface('Request', Request);

/** `received.bytes` become the body's own. */
export function receivedRequest({ method, url, headers, payload }: ReceivedRequest): Request {
  const bodyless = (method === 'GET' || method === 'HEAD') && payload.bytes().length === 0;
  const state: State = {
    ...{ method, url, headers: sealedHeaders(headers) },
    ...{ redirect: 'manual', signal: undefined, keepalive: false },
  };
  return make({ state, content: bodyless ? null : payloadContent(payload) });
}

function make(parts: Made): Request {
  made = parts;
  return new Request('');
}

function build(input: unknown, options: RequestInit | null): Made {
  const init = dictionary(options) as RequestInit;
  const source = isRequest(input) ? input : undefined;
  const url = source ? source.url : checkUrl(input);
  const method = checkMethod(init.method ?? source?.method ?? 'GET');
  const redirect = init.redirect ?? source?.redirect ?? 'follow';
  if (!redirects.includes(redirect))
    throw new TypeError(`redirect is follow, manual or error, not ${redirect}`);
  const headers = new Headers(init.headers ?? source?.headers);
  const signal = init.signal === undefined ? source?.signal : (init.signal ?? undefined);
  if (signal !== undefined && typeof (signal as { aborted?: unknown }).aborted !== 'boolean')
    throw new TypeError('signal is an AbortSignal');
  const bodyless = method === 'GET' || method === 'HEAD';
  const given = init.body ?? undefined;
  if (bodyless && given !== undefined) throw new TypeError(`A ${method} request has no body`);
  let content: Content | null = null;
  if (given !== undefined) {
    const extracted = extractBody(given);
    ({ content } = extracted);
    if (extracted.type !== undefined && !headers.has('content-type'))
      headers.set('content-type', extracted.type);
  } else if (source) {
    if (bodyless && source.body !== null) throw new TypeError(`A ${method} request has no body`);
    content = moveContent(source);
  }
  const keepalive = Boolean(init.keepalive ?? source?.keepalive);
  return { state: { method, url, headers, redirect, signal, keepalive }, content };
}

function checkUrl(input: unknown): string {
  const url = new URL(String(input));
  if (url.username !== '' || url.password !== '')
    throw new TypeError('The URL of a request has no user name or password: send an authorization header');
  return url.href;
}

function checkMethod(method: unknown): string {
  const text = String(method);
  const upper = text.toUpperCase();
  if (!token.test(text) || forbidden.has(upper))
    throw new TypeError(`${JSON.stringify(text)} is not a method to fetch with`);
  return wellKnown.has(upper) ? upper : text;
}

import {
  Body,
  payloadContent,
  cloneContent,
  extractBody,
  replaceContent,
  type BodyInit,
  type Content,
} from './body.ts';
import type { Payload } from '../types.ts';
import { dictionary } from './event.ts';
import { defineInterface } from './interface.ts';
import { Headers, seal, sealedHeaders, type HeadersInit } from './headers.ts';

export type ResponseInit = {
  readonly status?: number | undefined;
  readonly statusText?: string | undefined;
  readonly headers?: HeadersInit;
};

/** A response that came by fetch; its headers cannot be changed. */
export type ReceivedResponse = {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly url: string;
  readonly redirected: boolean;
  readonly payload: Payload | undefined;
};

type State = {
  status: number;
  statusText: string;
  headers: Headers;
  type: 'default' | 'basic' | 'error';
  url: string;
  redirected: boolean;
};

const nullBodyStatus = new Set([101, 204, 205, 304]);
const redirectStatus = new Set([301, 302, 303, 307, 308]);

let isResponse: (value: unknown) => value is Response;
let build: (content: Content | null, state: State) => Response;

/** [Fetch §5.5] */
export class Response extends Body {
  #state: State;

  static {
    isResponse = (value): value is Response => typeof value === 'object' && value !== null && #state in value;
    build = (content, state) => {
      const response = new Response();
      replaceContent(response, content);
      response.#state = state;
      return response;
    };
  }

  constructor(body: BodyInit | null = null, init: ResponseInit | null = {}) {
    const { headers, status = 200, statusText: phrase = '' } = dictionary(init) as ResponseInit;
    const code = checkStatus(status);
    const statusText = checkStatusText(phrase);
    let content: Content | null = null;
    const own = new Headers(headers);
    // `undefined` is no body too, as with a missing argument.
    if ((body as unknown) !== null && (body as unknown) !== undefined) {
      if (nullBodyStatus.has(code)) throw new TypeError(`A response with status ${code} has no body`);
      const extracted = extractBody(body);
      ({ content } = extracted);
      if (extracted.type !== undefined && !own.has('content-type')) own.set('content-type', extracted.type);
    }
    super(content);
    this.#state = {
      status: code,
      statusText,
      headers: own,
      type: 'default',
      url: '',
      redirected: false,
    };
  }

  static error(): Response {
    const headers = sealedHeaders([]);
    return build(null, { status: 0, statusText: '', headers, type: 'error', url: '', redirected: false });
  }

  static json(data: unknown, init: ResponseInit | null = {}): Response {
    const text = JSON.stringify(data) as string | undefined;
    if (text === undefined) throw new TypeError(`${typeof data} is not a value that JSON can carry`);
    const { status, statusText, headers: given } = dictionary(init) as ResponseInit;
    const headers = new Headers(given);
    if (!headers.has('content-type')) headers.set('content-type', 'application/json');
    return new Response(text, { status, statusText, headers });
  }

  static redirect(url: string | URL, status = 302): Response {
    // Throws TypeError when it is no absolute address: there is none that a relative one could be relative to.
    const location = new URL(url).href;
    if (!redirectStatus.has(status)) throw new RangeError(`${status} is not 301, 302, 303, 307 or 308`);
    const response = new Response(null, { status, headers: { location } });
    seal(response.headers);
    return response;
  }

  get headers(): Headers {
    return this.#state.headers;
  }
  get ok(): boolean {
    return this.#state.status >= 200 && this.#state.status <= 299;
  }
  get redirected(): boolean {
    return this.#state.redirected;
  }
  get status(): number {
    return this.#state.status;
  }
  get statusText(): string {
    return this.#state.statusText;
  }
  get type(): string {
    return this.#state.type;
  }
  get url(): string {
    return this.#state.url;
  }

  clone(): Response {
    const content = cloneContent(this);
    return build(content, { ...this.#state, headers: new Headers(this.#state.headers) });
  }
}

defineInterface('Response', Response);

export { isResponse };

/** Bytes of the payload become the body's own. */
export function receivedResponse({ status, headers, url, redirected, payload }: ReceivedResponse): Response {
  const content = payload && !nullBodyStatus.has(status) ? payloadContent(payload) : null;
  const own = sealedHeaders(headers);
  return build(content, { status, statusText: '', headers: own, type: 'basic', url, redirected });
}

function checkStatus(status: unknown): number {
  const code = Math.trunc(Number(status));
  if (code >= 200 && code <= 599) return code;
  throw new RangeError(`${String(status)} is not a status from 200 to 599`);
}

function checkStatusText(statusText: unknown): string {
  const text = String(statusText);
  if (!/[^\t -~\u0080-\u00ff]/.test(text)) return text;
  throw new TypeError('statusText has a character that a status line cannot carry');
}

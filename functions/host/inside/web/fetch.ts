import type { Reply } from '../types.ts';
import { contentOf, takeBytes } from './body.ts';
import { wireForm } from './headers.ts';
import { Request, type RequestInit } from './request.ts';
import { receivedResponse, type Response } from './response.ts';

/** How a request leaves the isolate. */
export type FetchArgs = {
  readonly method: string;
  readonly url: string;
  readonly headers: [name: string, value: string][];
  readonly redirect: string;
};
export type SendFetch = (args: FetchArgs, body: Uint8Array | undefined) => Promise<Reply>;
export type Fetch = (input: Request | URL | string, init?: RequestInit) => Promise<Response>;

/**
 * `fetch` over one grant. Rejects with TypeError for everything that keeps the response away, `code` `denied` when it is the
 * manifest, and with the reason of the signal when that aborts first: the call itself may go on.
 */
export function makeFetch(send: SendFetch, maxBodyBytes: number): Fetch {
  const perform = async (request: Request) => {
    const { method, redirect } = request;
    const content = contentOf(request);
    const body = content === null ? undefined : await takeBytes(content, maxBodyBytes);
    if (body && body.length > maxBodyBytes)
      throw new TypeError(
        `The request body is larger than ${maxBodyBytes} bytes, the limit: send it in parts`,
      );
    request.signal.throwIfAborted();
    const [url = ''] = request.url.split('#', 1);
    const reply = await send({ method, url, headers: wireForm(request.headers), redirect }, body).catch(
      failed,
    );
    const { status, headers, url: finalUrl, redirected } = reply.json as Received;
    return receivedResponse({ status, headers, url: finalUrl, redirected, payload: reply.payload });
  };
  return async function fetch(input, init) {
    const request = new Request(input, init);
    return withSignal(request.signal, () => perform(request));
  };
}

type Received = {
  readonly status: number;
  readonly headers: [name: string, value: string][];
  readonly url: string;
  readonly redirected: boolean;
};

function failed(error: unknown): never {
  const { message, code } = error as { message?: string; code?: string };
  throw Object.assign(new TypeError(message), { code });
}

async function withSignal<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort);
  try {
    return await Promise.race([work(), aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

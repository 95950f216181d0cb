import type { IncomingHttpHeaders } from 'node:http';

/** What decides whether a request is let in. */
export type RequestHead = {
  readonly method?: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly socket: { readonly remoteAddress?: string | undefined };
};

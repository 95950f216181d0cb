import { makeFetch, type Fetch } from '../web/fetch.ts';
import type { BoundCall, EnvTools } from './encode.ts';

/** `{ fetch: [origin] }` */
export class Fetcher {
  readonly #fetch: Fetch;

  constructor({ limits }: EnvTools, call: BoundCall) {
    this.#fetch = makeFetch((args, body) => call('fetch', args, body), limits.fetchBytes);
  }

  fetch(...args: Parameters<Fetch>): ReturnType<Fetch> {
    return this.#fetch(...args);
  }
}

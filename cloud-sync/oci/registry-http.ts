import { z } from 'zod';
import { errorMessage, isAbortError } from '../../lib/error-code.ts';
import {
  BodyTooLargeError,
  type HttpsClient,
  type HttpsRequest,
  type HttpsResponse,
} from '../../lib/https-client.ts';
import { isTransientNetworkError } from '../../lib/network-error.ts';
import { SyncError, type SyncErrorCode } from '../errors.ts';
import { readBody } from './read-body.ts';
import { isPlainLoopback, RegistryAuth, type RegistryCredentials } from './registry-auth.ts';
import { RegistryRefusal, retryAfterMs } from './registry-refusal.ts';

export type RegistryHttpOptions = {
  readonly http: HttpsClient;
  /** `https://host[:port]` */
  readonly registryUrl: string;
  readonly credentials?: RegistryCredentials;
};

export type RegistryRequest = Omit<HttpsRequest, 'url'> & {
  /** From the root of the registry, or absolute where the registry itself said so. */
  readonly path: string;
  readonly expect: readonly number[];
  /** What is asked for, for the wording of failures: `acme/web:latest`. */
  readonly what: string;
};

const maxRedirects = 5;
const maxProblemBytes = 16_384;

/** Requests to one registry: authorization, redirects and failures in our terms. Every answer has an expected status. */
export class RegistryHttp {
  readonly #http: HttpsClient;
  readonly #auth: RegistryAuth;
  readonly origin: string;

  constructor({ http, registryUrl, credentials }: RegistryHttpOptions) {
    this.#http = http;
    const url = new URL(registryUrl);
    this.#auth = new RegistryAuth({
      http,
      ...(credentials && { credentials }),
      plainLoopback: isPlainLoopback(url),
    });
    this.origin = url.origin;
  }

  get host(): string {
    return new URL(this.origin).host;
  }

  async request(request: RegistryRequest): Promise<HttpsResponse> {
    try {
      const answer = await this.#authorized(request);
      if (!request.expect.includes(answer.status)) throw await this.#problem(answer, request.what);
      return answer;
    } catch (error) {
      throw this.failure(error, request.what);
    }
  }

  /** Names a failure of the network, also one in the middle of a body. */
  failure(error: unknown, what: string): unknown {
    if (error instanceof SyncError || isAbortError(error)) return error;
    if (error instanceof BodyTooLargeError) {
      return new SyncError('tooLarge', `The answer of ${this.host} for ${what} is too large`, {
        cause: error,
      });
    }
    return new SyncError(
      'network',
      `The registry ${this.host} did not deliver ${what}: ${errorMessage(error)}`,
      {
        cause: error,
        transient: isTransientNetworkError(error),
        hint: 'Check the network and the address of the registry.',
      },
    );
  }

  async #authorized(request: RegistryRequest): Promise<HttpsResponse> {
    const repository = repositoryOf(request.path);
    const used = this.#auth.headers(repository);
    const answer = await this.#redirected(request, used);
    if (answer.status !== 401) return answer;
    const { signal } = request;
    const challenge = answer.headers['www-authenticate'];
    if (!(await this.#auth.answer(challenge, { repository, used, signal }))) return answer;
    await answer.discard();
    return this.#redirected(request, this.#auth.headers(repository));
  }

  async #redirected(
    { path, headers, expect: _, what, ...request }: RegistryRequest,
    authorization: Readonly<Record<string, string>>,
  ): Promise<HttpsResponse> {
    let url = new URL(path, this.origin);
    for (let hops = 0; ; hops++) {
      // Credentials are the registry's alone: a storage host it sends us to gets none.
      const own = url.origin === this.origin ? authorization : {};
      const answer = await this.#http.request({ ...request, url: url.href, headers: { ...headers, ...own } });
      const location = answer.headers.location;
      if (![301, 302, 303, 307, 308].includes(answer.status) || location === undefined) return answer;
      await answer.discard();
      if (hops === maxRedirects || !URL.canParse(location, url)) throw badRedirect(this.host, what);
      const next = new URL(location, url);
      if (next.protocol !== 'https:' && next.origin !== this.origin) throw badRedirect(this.host, what);
      url = next;
    }
  }

  async #problem(answer: HttpsResponse, what: string): Promise<SyncError> {
    const said = await describeProblem(answer);
    const detail = `HTTP ${answer.status}${said === undefined ? '' : `, ${said}`}`;
    const { code, hint } = meaningOf(answer.status);
    const transient = answer.status >= 500 || answer.status === 429 || answer.status === 408;
    const text = `The registry ${this.host} refused ${what}: ${detail}`;
    return new RegistryRefusal(
      code,
      code === 'notFound' ? `${what} is not in the registry ${this.host} (${detail})` : text,
      { transient, hint, retryAfterMs: retryAfterMs(answer.headers['retry-after']) },
    );
  }
}

/** What a token is good for; the whole path of what belongs to no repository. */
function repositoryOf(path: string): string {
  const { pathname } = new URL(path, 'https://registry.invalid');
  return /^\/v2\/(.+?)\/(?:manifests|blobs|tags|referrers)\//.exec(pathname)?.[1] ?? pathname;
}

function meaningOf(status: number): { readonly code: SyncErrorCode; readonly hint: string } {
  switch (status) {
    case 401:
      return { code: 'unauthorized', hint: 'Log in to this registry with a token that may do this.' };
    case 403:
    case 405:
      return { code: 'forbidden', hint: 'These credentials may not do this.' };
    case 404:
      return { code: 'notFound', hint: 'Push it first, or correct the reference.' };
    case 413:
      return { code: 'tooLarge', hint: 'The registry takes nothing so large.' };
    case 429:
      return { code: 'registry', hint: 'It takes fewer requests: wait, log in, or name a mirror.' };
    default:
      return { code: 'registry', hint: status >= 500 ? 'Try again later.' : 'See the log of the registry.' };
  }
}

const problemSchema = z.object({
  errors: z.array(z.object({ code: z.string(), message: z.string().optional() })).min(1),
});

/** The first error of the body as the distribution spec words it, cut to a line. */
async function describeProblem(answer: HttpsResponse): Promise<string | undefined> {
  try {
    const said = await readBody(answer, { maxBytes: maxProblemBytes, what: 'a refusal' });
    const body = JSON.parse(said.toString()) as unknown;
    const [first] = problemSchema.parse(body).errors;
    const text = [first?.code, first?.message].filter(Boolean).join(': ');
    return text.replace(/\p{C}/gu, ' ').slice(0, 200);
  } catch (error) {
    if (isAbortError(error)) throw error;
    return undefined;
  }
}

function badRedirect(host: string, what: string): SyncError {
  return new SyncError(
    'badAnswer',
    `The registry ${host} sends requests for ${what} around without an end or a lock`,
    {
      hint: 'Check the address of the registry.',
    },
  );
}

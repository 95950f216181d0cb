import { clockDoubt } from '../../../lib/clock-doubt.ts';
import { errorCode, errorMessage } from '../../../lib/error-code.ts';
import {
  BodyTooLargeError,
  type HttpsClient,
  type HttpsRequest,
  type HttpsResponse,
} from '../../../lib/https-client.ts';
import { isTransientNetworkError } from '../../../lib/network-error.ts';
import { isSyncErrorCode, SyncError, type SyncErrorCode } from '../../errors.ts';
import { problemSchema } from '../../protocol/api.ts';

export type RestClientOptions = {
  readonly http: HttpsClient;
  /** Ends with a slash; without credentials. */
  readonly base: string;
  readonly headers: Readonly<Record<string, string>>;
};

type Call = {
  readonly method: NonNullable<HttpsRequest['method']>;
  /** From `base` on. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly signal: AbortSignal;
};

const loginHint = 'Log in by the address: rest:https://USER:PASSWORD@host/path/.';
const maxProblemBytes = 64 * 2 ** 10;

/** One request at a time to a REST server of restic; failures become SyncErrors, transient where another try may help. */
export class RestClient {
  readonly #options: RestClientOptions;

  constructor(options: RestClientOptions) {
    this.#options = options;
  }

  /** The answer with its body unread, whatever its status. */
  async ask({ path, headers, ...call }: Call): Promise<HttpsResponse> {
    const { http, base } = this.#options;
    const request = { ...call, url: `${base}${path}`, headers: { ...this.#options.headers, ...headers } };
    return this.during(call.signal, () => http.request(request));
  }

  /** Names what goes wrong in `work`, which talks to the server. */
  async during<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      if (cause instanceof SyncError) throw cause;
      signal.throwIfAborted();
      throw this.#broken(cause);
    }
  }

  /** What an answer of 400 or more means; reads its body. */
  async refusal(response: HttpsResponse, what: string): Promise<SyncError> {
    const { status } = response;
    const bytes = await response.bytes(maxProblemBytes).catch(() => new Uint8Array());
    const { data } = problemSchema.safeParse(parseJson(bytes));
    const transient = isTransientStatus(status);
    if (!data) {
      const message = `${this.#options.base} answered ${what} with status ${status}`;
      return new SyncError(codeOfStatus(status), message, {
        transient,
        ...(status === 401 && { hint: loginHint }),
      });
    }
    const { code, message, hint } = data;
    return new SyncError(isSyncErrorCode(code) ? code : codeOfStatus(status), message, {
      ...(hint !== undefined && { hint }),
      // Somebody may make room.
      transient: transient || code === 'diskFull',
    });
  }

  badAnswer(what: string, cause?: unknown): SyncError {
    return new SyncError('badAnswer', `${this.#options.base} answered ${what}`, {
      cause,
      hint: "Check that the address is that of a server of restic's REST protocol.",
    });
  }

  #broken(cause: unknown): SyncError {
    const { base } = this.#options;
    if (cause instanceof BodyTooLargeError) {
      return new SyncError('tooLarge', `${cause.message}: it is damaged, or the server lies`, { cause });
    }
    const code = errorCode(cause) ?? '';
    if (code.startsWith('HPE_')) return this.badAnswer('something that is no HTTP', cause);
    const transient = isTransientNetworkError(cause);
    const why = errorMessage(cause) || code || 'no reason given';
    return new SyncError(code === 'ETIMEDOUT' ? 'timeout' : 'network', `Cannot reach ${base}: ${why}`, {
      cause,
      transient,
      hint: transient
        ? 'Check that it is up and that this machine reaches it.'
        : (clockDoubt(cause) ?? 'Check the address and the certificates on both sides.'),
    });
  }
}

function isTransientStatus(status: number): boolean {
  return status === 408 || status === 429 || (status >= 500 && status !== 501 && status !== 507);
}

function codeOfStatus(status: number): SyncErrorCode {
  switch (status) {
    case 401:
      return 'unauthorized';
    case 403:
    case 405:
      return 'forbidden';
    case 404:
      return 'notFound';
    case 409:
      return 'conflict';
    case 413:
      return 'tooLarge';
    case 504:
      return 'timeout';
    case 507:
      return 'quotaExceeded';
    default:
      return isTransientStatus(status) ? 'unavailable' : 'badAnswer';
  }
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return undefined;
  }
}

import { z } from 'zod';
import type { HttpsClient } from '../../lib/https-client.ts';
import { SyncError } from '../errors.ts';
import { readBody } from './read-body.ts';

export type RegistryCredentials =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  | { readonly kind: 'bearer'; readonly token: string };

const tokenAnswerSchema = z.object({
  token: z.string().max(65_536).optional(),
  access_token: z.string().max(65_536).optional(),
});
const maxTokenAnswerBytes = 256 * 1024;

export type AuthOptions = {
  readonly http: HttpsClient;
  readonly credentials?: RegistryCredentials;
  /** A token service on this machine may go without TLS, as its registry does. */
  readonly plainLoopback?: boolean;
};

/** The `Authorization` of requests to one registry: own credentials, or tokens it sends us to fetch (distribution spec, "token"). */
export class RegistryAuth {
  readonly #options: AuthOptions;
  /** By repository: requests for several go on at the same time. */
  readonly #tokens = new Map<string, string>();

  constructor(options: AuthOptions) {
    this.#options = options;
  }

  headers(repository: string): Record<string, string> {
    const token = this.#tokens.get(repository);
    if (token !== undefined) return { authorization: `Bearer ${token}` };
    const own = authorization(this.#options.credentials);
    return own === undefined ? {} : { authorization: own };
  }

  /**
   * Answers a 401 to a request that had the headers `used`: true when there is a token that was not tried, and the request is worth
   * another one.
   */
  async answer(
    challenge: string | undefined,
    { repository, used, signal }: RefusedRequest,
  ): Promise<boolean> {
    const { authorization: present } = this.headers(repository);
    if (present !== used.authorization) return true;
    const asked = parseChallenge(challenge ?? '', this.#options);
    if (asked === undefined) return false;
    this.#tokens.set(repository, await this.#fetchToken(asked, signal));
    return true;
  }

  async #fetchToken({ realm, service, scope }: Challenge, signal?: AbortSignal): Promise<string> {
    const url = new URL(realm);
    if (service !== '') url.searchParams.set('service', service);
    if (scope !== '') url.searchParams.set('scope', scope);
    const own = authorization(this.#options.credentials);
    const answer = await this.#options.http.request({
      url: url.href,
      headers: own === undefined ? {} : { authorization: own },
      ...(signal && { signal }),
    });
    if (answer.status !== 200) {
      await answer.discard();
      throw new SyncError('unauthorized', `${url.host} gave no token for ${scope}: HTTP ${answer.status}`, {
        transient: answer.status >= 500,
        hint: 'Check the credentials for this registry.',
      });
    }
    const body = parseToken(await readBody(answer, { maxBytes: maxTokenAnswerBytes, what: url.host }));
    const token = body?.token ?? body?.access_token;
    if (token === undefined) throw new SyncError('badAnswer', `${url.host} answered with no token in it`);
    return token;
  }
}

type RefusedRequest = {
  readonly repository: string;
  readonly used: Readonly<Record<string, string>>;
  readonly signal: AbortSignal | undefined;
};

type Challenge = { readonly realm: string; readonly service: string; readonly scope: string };

/** Reads `Bearer realm="https://…",service="…",scope="…"`. Only HTTPS, or this machine: credentials are sent there. */
export function parseChallenge(
  header: string,
  { plainLoopback = false }: Pick<AuthOptions, 'plainLoopback'> = {},
): Challenge | undefined {
  if (header.length > 8192 || !/^bearer /i.test(header)) return undefined;
  const fields = new Map<string, string>();
  for (const [, name = '', value = ''] of header.matchAll(/([a-z]+)="([^"]*)"/gi)) {
    fields.set(name.toLowerCase(), value);
  }
  const realm = fields.get('realm') ?? '';
  const url = URL.parse(realm);
  const isSafe = url?.protocol === 'https:' || (plainLoopback && url !== null && isPlainLoopback(url));
  if (!isSafe) return undefined;
  return { realm, service: fields.get('service') ?? '', scope: fields.get('scope') ?? '' };
}

/** `http://` of this very machine, where nobody listens on the way. */
export function isPlainLoopback({ protocol, hostname }: URL): boolean {
  return protocol === 'http:' && /^(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])$/.test(hostname);
}

function authorization(credentials: RegistryCredentials | undefined): string | undefined {
  switch (credentials?.kind) {
    case 'basic': {
      const { username, password } = credentials;
      return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
    }
    case 'bearer':
      return `Bearer ${credentials.token}`;
    case undefined:
      return undefined;
    default:
      return credentials satisfies never;
  }
}

function parseToken(bytes: Uint8Array): z.output<typeof tokenAnswerSchema> | undefined {
  try {
    return tokenAnswerSchema.parse(JSON.parse(Buffer.from(bytes).toString()));
  } catch {
    return undefined;
  }
}

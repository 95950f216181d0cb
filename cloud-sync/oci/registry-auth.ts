import { z } from 'zod';
import type { HttpsClient } from '../../lib/https-client.ts';
import { SyncError } from '../errors.ts';

export type RegistryCredentials =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  | { readonly kind: 'bearer'; readonly token: string };

const tokenAnswerSchema = z.object({
  token: z.string().max(65_536).optional(),
  access_token: z.string().max(65_536).optional(),
});
const maxTokenAnswerBytes = 256 * 1024;

export type AuthOptions = { readonly http: HttpsClient; readonly credentials?: RegistryCredentials };

/** The `Authorization` of requests to one registry: own credentials, or tokens it sends us to fetch (distribution spec, "token"). */
export class RegistryAuth {
  readonly #http: HttpsClient;
  readonly #credentials: RegistryCredentials | undefined;
  /** By scope, as the registry names it. */
  readonly #tokens = new Map<string, string>();
  #lastToken: string | undefined;

  constructor({ http, credentials }: AuthOptions) {
    this.#http = http;
    this.#credentials = credentials;
  }

  headers(): Record<string, string> {
    if (this.#lastToken !== undefined) return { authorization: `Bearer ${this.#lastToken}` };
    const own = authorization(this.#credentials);
    return own === undefined ? {} : { authorization: own };
  }

  /** Answers a 401: true when a token was fetched and the request is worth another try. */
  async answer(challenge: string | undefined, signal: AbortSignal | undefined): Promise<boolean> {
    const asked = parseChallenge(challenge ?? '');
    if (asked === undefined) return false;
    const known = this.#tokens.get(asked.scope);
    const fresh = known === undefined || known === this.#lastToken;
    const token = fresh ? await this.#fetchToken(asked, signal) : known;
    this.#tokens.set(asked.scope, token);
    this.#lastToken = token;
    return true;
  }

  async #fetchToken({ realm, service, scope }: Challenge, signal?: AbortSignal): Promise<string> {
    const url = new URL(realm);
    if (service !== '') url.searchParams.set('service', service);
    if (scope !== '') url.searchParams.set('scope', scope);
    const own = authorization(this.#credentials);
    const answer = await this.#http.request({
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
    const body = parseToken(await answer.bytes(maxTokenAnswerBytes));
    const token = body?.token ?? body?.access_token;
    if (token === undefined) throw new SyncError('badAnswer', `${url.host} answered with no token in it`);
    return token;
  }
}

type Challenge = { readonly realm: string; readonly service: string; readonly scope: string };

/** Reads `Bearer realm="https://…",service="…",scope="…"`. Only HTTPS: credentials are sent there. */
export function parseChallenge(header: string): Challenge | undefined {
  if (header.length > 8192 || !/^bearer /i.test(header)) return undefined;
  const fields = new Map<string, string>();
  for (const [, name = '', value = ''] of header.matchAll(/([a-z]+)="([^"]*)"/gi)) {
    fields.set(name.toLowerCase(), value);
  }
  const realm = fields.get('realm') ?? '';
  if (!URL.canParse(realm) || new URL(realm).protocol !== 'https:') return undefined;
  return { realm, service: fields.get('service') ?? '', scope: fields.get('scope') ?? '' };
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

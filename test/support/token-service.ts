import { createPrivateKey, randomUUID, sign, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export type TokenService = AsyncDisposable & {
  readonly url: string;
  /** Scopes that tokens were given for. */
  readonly given: (string | null)[];
};

export type TokenServiceOptions = {
  /** PEM; the registry trusts this certificate. */
  readonly certificate: string;
  readonly key: string;
  /** `user:password` */
  readonly login: string;
  readonly issuer: string;
};

/** The token server of the distribution spec: a JWT for whoever shows the login, over plain HTTP on loopback. */
export async function startTokenService(options: TokenServiceOptions): Promise<TokenService> {
  const given: (string | null)[] = [];
  const expected = `Basic ${Buffer.from(options.login).toString('base64')}`;
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '/', 'http://localhost');
    if (request.headers.authorization !== expected) return response.writeHead(401).end();
    const scope = searchParams.get('scope');
    given.push(scope);
    const token = jwtFor(options, searchParams.get('service') ?? '', scope ?? '');
    return response.end(JSON.stringify({ token }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    given,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

function jwtFor({ certificate, key, issuer }: TokenServiceOptions, service: string, scope: string): string {
  const [type = '', name = '', actions = ''] = scope.split(':');
  const seconds = Math.floor(Date.now() / 1000);
  const header = {
    typ: 'JWT',
    alg: 'ES256',
    x5c: [new X509Certificate(certificate).raw.toString('base64')],
  };
  const claims = {
    ...{ iss: issuer, aud: service, sub: 'puller', jti: randomUUID() },
    ...{ iat: seconds, nbf: seconds - 60, exp: seconds + 300 },
    access: scope === '' ? [] : [{ type, name, actions: actions.split(',') }],
  };
  const text = [header, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const signature = sign('sha256', Buffer.from(text), {
    key: createPrivateKey(key),
    dsaEncoding: 'ieee-p1363',
  });
  return `${text}.${signature.toString('base64url')}`;
}

import type { RegistryClient } from '../cloud-sync/oci/index.ts';
import type { ControlPlaneClient } from '../cloud-sync/protocol/control-plane-client.ts';
import { readContext, type Context } from './context.ts';
import { explainToken } from './explain-token.ts';
import { patiently } from './patience.ts';
import type { Run } from './run.ts';

/** The cloud of the operator's context. */
export type Cloud = AsyncDisposable & {
  readonly context: Context;
  /** The client of a registry by its `host:port`; undefined is the cloud's own. */
  registry(host?: string): RegistryClient;
  /** One request, repeated while the cloud is away (`--retry`); `work` must be safe to repeat. */
  call<T>(work: (client: ControlPlaneClient) => Promise<T>): Promise<T>;
  /** One request, never repeated. */
  once<T>(work: (client: ControlPlaneClient) => Promise<T>): Promise<T>;
};

export async function openCloud(run: Run): Promise<Cloud> {
  const context = await readContext(run);
  const [{ createHttpsClient }, { RegistryClient }, { ControlPlaneClient }] = await Promise.all([
    import('../lib/https-client.ts'),
    import('../cloud-sync/oci/index.ts'),
    import('../cloud-sync/protocol/control-plane-client.ts'),
  ]);
  const http = createHttpsClient({ ca: context.ca });
  /** Foreign registries are trusted as the system trusts them, and never get our token. */
  const publicHttp = createHttpsClient();
  const client = new ControlPlaneClient({ http, url: context.url, token: context.token });
  // Without patience the registry client has none either.
  const attempts = run.globals.retry === 0 ? { attempts: 1 } : {};
  const credentials = { kind: 'basic', username: 'operator', password: context.token } as const;
  return {
    context,
    registry: (host) =>
      host === undefined || host === new URL(context.url).host
        ? new RegistryClient({ http, registryUrl: context.url, credentials, ...attempts })
        : new RegistryClient({ http: publicHttp, registryUrl: registryUrl(host), ...attempts }),
    call: (work) =>
      explainToken(
        run,
        patiently(run, () => work(client)),
      ),
    once: (work) => explainToken(run, work(client)),
    [Symbol.asyncDispose]: async () => {
      await Promise.all([http[Symbol.asyncDispose](), publicHttp[Symbol.asyncDispose]()]);
    },
  };
}

/** A registry on this machine may speak plain HTTP, as docker and skopeo users expect. */
export function registryUrl(host: string): string {
  const isLoopback = /^(localhost|127\.[0-9.]+)(:[0-9]+)?$/.test(host);
  return `${isLoopback ? 'http' : 'https'}://${host}`;
}

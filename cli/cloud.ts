import type { RegistryClient } from '../cloud-sync/oci/index.ts';
import type { ControlPlaneClient } from '../cloud-sync/protocol/control-plane-client.ts';
import { createHttpsClient } from '../lib/https-client.ts';
import { readContext, type Context } from './context.ts';
import { patiently } from './patience.ts';
import type { Run } from './run.ts';

/** The cloud of the operator's context. */
export type Cloud = AsyncDisposable & {
  readonly context: Context;
  readonly registry: RegistryClient;
  /** One request, repeated while the cloud is away (`--retry`); `work` must be safe to repeat. */
  call<T>(work: (client: ControlPlaneClient) => Promise<T>): Promise<T>;
  /** One request, never repeated. */
  once<T>(work: (client: ControlPlaneClient) => Promise<T>): Promise<T>;
};

export async function openCloud(run: Run): Promise<Cloud> {
  const context = await readContext(run);
  const [{ RegistryClient }, { ControlPlaneClient }] = await Promise.all([
    import('../cloud-sync/oci/index.ts'),
    import('../cloud-sync/protocol/control-plane-client.ts'),
  ]);
  const http = createHttpsClient({ ca: context.ca });
  const client = new ControlPlaneClient({ http, url: context.url, token: context.token });
  const credentials = { kind: 'basic', username: 'operator', password: context.token } as const;
  return {
    context,
    registry: new RegistryClient({ http, registryUrl: context.url, credentials }),
    call: (work) => patiently(run, () => work(client)),
    once: (work) => work(client),
    [Symbol.asyncDispose]: () => http[Symbol.asyncDispose](),
  };
}

import type { RegistryClient } from '../../cloud-sync/oci/index.ts';
import { openCloud, registryUrl } from '../cloud.ts';
import { readContext } from '../context.ts';
import { CliError } from '../errors.ts';
import type { Run } from '../run.ts';
import { dockerCredentials } from './docker-credentials.ts';

export type OpenRegistry = AsyncDisposable & { readonly client: RegistryClient };

/**
 * The registry of a reference: the cloud's own when it names none, or that by its host; any other with what `docker login` left, for
 * which no cloud is needed.
 */
export async function openRegistry(run: Run, host: string | undefined): Promise<OpenRegistry> {
  if (host === undefined || host === (await cloudHost(run))) {
    const cloud = await openCloud(run);
    return { client: cloud.registry(), [Symbol.asyncDispose]: () => cloud[Symbol.asyncDispose]() };
  }
  const [{ createHttpsClient }, { RegistryClient }] = await Promise.all([
    import('../../lib/https-client.ts'),
    import('../../cloud-sync/oci/index.ts'),
  ]);
  const credentials = await dockerCredentials(run.io, host);
  const http = createHttpsClient();
  const client = new RegistryClient({
    http,
    registryUrl: registryUrl(host),
    ...(credentials && { credentials }),
    ...(run.globals.retry === 0 && { attempts: 1 }),
  });
  return { client, [Symbol.asyncDispose]: () => http[Symbol.asyncDispose]() };
}

async function cloudHost(run: Run): Promise<string | undefined> {
  try {
    return new URL((await readContext(run)).url).host;
  } catch (error) {
    if (error instanceof CliError && error.code === 'noContext') return undefined;
    throw error;
  }
}

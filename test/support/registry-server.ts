import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fastify from 'fastify';
import {
  openFolderRegistryStore,
  registryPlugin,
  type RegistryPluginOptions,
} from '../../cloud-sync/control-plane/registry/index.ts';
import { RegistryClient, type RegistryClientOptions } from '../../cloud-sync/oci/index.ts';
import { CertificateAuthority } from '../../cloud-sync/trust/index.ts';
import { createHttpsClient } from '../../lib/https-client.ts';
import { silentLogger } from '../../lib/logger.ts';

export const credentials = { kind: 'basic', username: 'operator', password: 'a-token' } as const;

export type TestRegistry = AsyncDisposable & {
  readonly folder: string;
  readonly url: string;
  /** `127.0.0.1:port` */
  readonly host: string;
  readonly caPem: string;
  /** A client with the operator's credentials. */
  readonly client: (options?: Partial<RegistryClientOptions>) => RegistryClient;
};

/** The embedded registry over HTTPS on a free loopback port, its files in a temporary folder. */
export async function startRegistry(options: Partial<RegistryPluginOptions> = {}): Promise<TestRegistry> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-registry-'));
  const ca = await CertificateAuthority.open({ folder: join(folder, 'ca') });
  const { certificatePem, privateKeyPem } = await ca.issueServer({ hosts: ['127.0.0.1', 'localhost'] });
  const app = fastify({ https: { cert: certificatePem, key: privateKeyPem }, forceCloseConnections: true });
  await app.register(registryPlugin, {
    store: await openFolderRegistryStore(join(folder, 'registry')),
    authorize: ({ headers }) => accessOf(headers.authorization),
    logger: silentLogger,
    ...options,
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  const host = `127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  const http = createHttpsClient({ ca: ca.caPem });
  return {
    folder,
    host,
    url: `https://${host}`,
    caPem: ca.caPem,
    client: (more = {}) => new RegistryClient({ http, registryUrl: `https://${host}`, credentials, ...more }),
    async [Symbol.asyncDispose]() {
      await http[Symbol.asyncDispose]();
      await app.close();
      await rm(folder, { recursive: true });
    },
  };
}

const token = Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64');

function accessOf(authorization: string | undefined) {
  if (authorization === `Basic ${token}`) return { pull: true, push: true };
  if (authorization === 'Bearer device') return { pull: true, push: false };
  return undefined;
}

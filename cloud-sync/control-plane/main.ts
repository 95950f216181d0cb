import { once } from 'node:events';
import type { Server } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { FastifyRequest } from 'fastify';
import type { Digest } from '../../lib/digest.ts';
import { sweepTemporaries } from '../../lib/atomic-write.ts';
import { lockFolder } from '../../lib/folder-lock.ts';
import type { Logger } from '../../lib/logger.ts';
import { makeFolder } from '../../lib/make-folder.ts';
import { listenAt } from '../../lib/remembered-port.ts';
import { SyncError } from '../errors.ts';
import { deviceTopics } from '../protocol/topics.ts';
import { CertificateAuthority } from '../trust/index.ts';
import type { Api, ApiContext } from './api/context.ts';
import { createApiServer } from './api/server.ts';
import { Commands } from './broker/commands.ts';
import { createIngest, type OutgoingMessage } from './broker/ingest.ts';
import { MqttBroker } from './broker/mqtt-broker.ts';
import { Republisher } from './broker/republisher.ts';
import { restoreRetained } from './broker/retained.ts';
import { openDatabase } from './database/open.ts';
import { markAllOffline } from './database/presence.ts';
import type { Database } from './database/schema.ts';
import { readSegmentAfter } from './database/next-segment.ts';
import type { Keep } from './database/retention.ts';
import { newestSegmentId } from './database/segment-selection.ts';
import { FleetObserver } from './observability/fleet-observer.ts';
import { addMetricsRoute } from './observability/metrics-route.ts';
import type { OtlpTarget } from './observability/otlp-client.ts';
import { startExport } from './observability/start-export.ts';
import { RetentionKeeper } from './retention-keeper.ts';
import { provideOperatorFile } from './operator-file.ts';
import { openPort } from './ports.ts';
import { openFolderRegistryStore, registryPlugin, type RegistryAccess } from './registry/index.ts';
import { ShadowIngest } from './shadows/shadow-ingest.ts';
import { ShadowStore } from './shadows/shadow-store.ts';
import { openFolderVaultStore, vaultPlugin, VaultRules, Vaults } from './vault/index.ts';

export type ControlPlaneOptions = {
  /** Holds everything: database, certificate authority, registry. One control plane at a time. */
  readonly folder: string;
  /** Address to listen on, default 127.0.0.1. */
  readonly host?: string;
  /** HTTPS: API and registry. 0 takes a free port and keeps it. */
  readonly apiPort: number;
  /** MQTT over TLS. 0 takes a free port and keeps it. */
  readonly mqttPort: number;
  /** What devices are told, default https://localhost:{port}. Its host is put in the server's certificate. */
  readonly publicUrl?: string;
  /** Default mqtts://localhost:{port}. */
  readonly publicMqttUrl?: string;
  /** A collector of OpenTelemetry that gets logs and metrics of the devices. */
  readonly otlp?: OtlpTarget;
  readonly logger: Logger;
  /** What is kept of what devices relay; default everything. */
  readonly keep?: Keep;
  /** What the vault of a device may take that has no quota of its own; null (the default) is without end. */
  readonly vaultQuotaBytes?: number | null;
  /** An fsync of the database failed. Default: ends the process at once, for a later one could not be believed. */
  readonly onFailedFsync?: (error: unknown) => void;
  /** Ends a start; what runs is ended by disposing it. */
  readonly signal: AbortSignal;
  readonly now?: () => Date;
};

export type ControlPlane = AsyncDisposable & {
  readonly url: string;
  readonly mqttUrl: string;
  readonly caPem: string;
  readonly caPin: Digest;
  readonly operatorToken: string;
};

const commandTimeoutMs = 30_000;
const keepAll: Keep = { keepMs: null, keepBytes: null };

/**
 * Starts the whole cloud over one folder; nothing of an earlier run has to have ended well. Disposing it lets requests
 * under way end for a moment, ends the connections and closes the database. Rejects with SyncError 'portInUse', 'badRequest', 'folderInUse', 'corrupt',
 * 'badState'.
 */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { folder, host = '127.0.0.1', logger, signal, now = () => new Date() } = options;
  await using starting = new AsyncDisposableStack();
  await makeFolder(folder, { mode: 0o700 });
  starting.use(takeFolder(folder));
  for (const name of ['.', 'ca']) await sweepTemporaries(join(folder, name));
  const authority = await CertificateAuthority.open({ folder: join(folder, 'ca'), now });
  const db = await openDatabase(join(folder, 'control-plane.db'), {
    onFailedFsync: options.onFailedFsync ?? ((error) => exitOn(error, logger)),
  });
  starting.defer(() => db.destroy());
  await markAllOffline(db, now());
  const tls = await serverTls(authority, [host, options.publicUrl, options.publicMqttUrl]);
  signal.throwIfAborted();

  const observer = new FleetObserver(db);
  const { broker, commands, shadows } = await openBroker({ db, now, logger, tls, observer });
  starting.use(broker);
  await restoreRetained(db, (message) => broker.publish(message));
  const { keep: defaults = keepAll } = options;
  const retention = starting.use(new RetentionKeeper({ db, now, logger, defaults }));
  const store = await openFolderRegistryStore(join(folder, 'registry'));
  const { rules, vaults } = openVaults(options, { db, now, observer });
  starting.use(vaults);
  const addresses = { url: '', mqttUrl: '' };
  const api = await createApiServer({
    context: {
      db,
      now,
      logger,
      authority,
      addresses: () => addresses,
      retention,
      devices: deviceLinks({ broker, commands, db }),
      shadows,
      vaults: rules,
      hasArtifact: async (repository, digest) => (await store.manifest(repository, digest)) !== undefined,
    },
    tls,
    extend: async (app) => {
      await app.register(registryPlugin, { store, authorize: registryAccess, logger });
      await app.register(vaultPlugin, { vaults, logger });
      addMetricsRoute(app, () => observer.text());
    },
  });
  starting.defer(() => closeApi(api));
  const { meter } = observer;
  if (options.otlp) starting.use(await startExport({ db, folder, target: options.otlp, meter, logger }));
  signal.throwIfAborted();

  const portOf = (name: string, server: Server, port: number): Promise<number> =>
    openPort({ folder, name, host, port, listen: (port) => listenAt(server, { host, port }), logger });
  const mqtt = await portOf('mqtt', broker.server, options.mqttPort);
  const apiPort = await portOf('api', api.server, options.apiPort);
  addresses.url = options.publicUrl ?? `https://localhost:${apiPort}`;
  addresses.mqttUrl = options.publicMqttUrl ?? `mqtts://localhost:${mqtt}`;
  const { caPem, caPin } = authority;
  const operatorToken = await provideOperatorFile({ folder, db, url: addresses.url, caPem, now });
  logger.info('controlPlane.ready', { ...addresses, folder });
  retention.start();
  const running = starting.move();
  return { ...addresses, caPem, caPin, operatorToken, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

function exitOn(error: unknown, logger: Logger): void {
  logger.error('controlPlane.failedFsync', { error });
  process.exit(1);
}

function takeFolder(folder: string): Disposable {
  const lock = lockFolder(folder);
  if (lock) return lock;
  throw new SyncError('folderInUse', `Another control plane runs over the folder ${folder}`, {
    hint: 'Stop it first, or choose another folder.',
  });
}

/** A new server certificate at each start: it costs nothing and never runs out unnoticed. */
async function serverTls(authority: CertificateAuthority, reachedAt: readonly (string | undefined)[]) {
  const named = reachedAt.filter((text) => text !== undefined).map(hostOf);
  const hosts = new Set(['localhost', '127.0.0.1', '::1', hostname(), ...named]);
  hosts.delete('0.0.0.0');
  hosts.delete('::');
  const { certificatePem, privateKeyPem } = await authority.issueServer({ hosts: [...hosts] });
  return { ca: authority.caPem, cert: certificatePem, key: privateKeyPem };
}

const hostOf = (text: string) =>
  text.includes('://') ? new URL(text).hostname.replace(/^\[(.*)\]$/, '$1') : text;

type BrokerParts = {
  readonly db: Database;
  readonly now: () => Date;
  readonly logger: Logger;
  readonly tls: Parameters<typeof MqttBroker.open>[0]['tls'];
  readonly observer: FleetObserver;
};

async function openBroker({ db, now, logger, tls, observer }: BrokerParts) {
  const commands = new Commands({
    publish: (message) => broker.publish(message),
    isConnected: (device) => broker.isConnected(device),
    timeoutMs: commandTimeoutMs,
  });
  const republisher = new Republisher({
    logger,
    newestId: await newestSegmentId(db),
    readNext: (id) => readSegmentAfter(db, id),
  });
  const publish = (message: OutgoingMessage): void => broker.publish(message);
  const shadows = new ShadowStore({ db, now, publish });
  const shadowIngest = new ShadowIngest({ store: shadows, now, publish });
  const ingest = createIngest({
    db,
    now,
    logger,
    publish: (message) => broker.publish(message),
    onCommandStatus: (device, id, status) => commands.settle(device, id, status),
    onShadow: (source, up, payload) => shadowIngest.take(source, up, payload),
    onStored: (segments) => {
      republisher.offer(segments);
      observer.stored(segments);
    },
  });
  const measured = observer.measure(ingest);
  const broker: MqttBroker = await MqttBroker.open({ db, ingest: measured, republisher, logger, tls });
  return { broker, commands, shadows };
}

type VaultParts = { readonly db: Database; readonly now: () => Date; readonly observer: FleetObserver };

function openVaults(
  { folder, vaultQuotaBytes: defaultQuotaBytes = null, logger }: ControlPlaneOptions,
  { db, now, observer }: VaultParts,
) {
  const rules = new VaultRules({ db, now, defaultQuotaBytes });
  const store = openFolderVaultStore(join(folder, 'vault'));
  const onReceived = (bytes: number) => observer.meter.add('holdfast.cloud.vault.received', {}, bytes);
  return { rules, vaults: new Vaults({ db, store, rules, now, logger, onReceived }) };
}

type LinkParts = { readonly broker: MqttBroker; readonly commands: Commands; readonly db: Database };

function deviceLinks({ broker, commands, db }: LinkParts): ApiContext['devices'] {
  return {
    announce: (address, desired) => {
      broker.publish({
        topic: deviceTopics(address).desired,
        payload: JSON.stringify(desired),
        retain: true,
      });
    },
    cutOff: (device) => {
      broker.disconnect(device);
      return restoreRetained(db, (message) => broker.publish(message), device);
    },
    run: (address, command, options) => commands.run(address, command, options),
  };
}

/** Operators push and pull; devices pull. */
function registryAccess({ identity }: FastifyRequest): RegistryAccess | undefined {
  if (identity?.kind === 'operator') return { pull: true, push: true };
  return identity?.kind === 'device' ? { pull: true, push: false } : undefined;
}

/** Requests under way may end within this time; then their connections are cut. */
const closeGraceMs = 2000;

async function closeApi(api: Api): Promise<void> {
  const { server } = api;
  const closed = server.listening && once(server, 'close');
  server.close();
  server.closeIdleConnections();
  const late = setTimeout(() => server.closeAllConnections(), closeGraceMs);
  if (closed) await closed;
  clearTimeout(late);
  await api.close();
}

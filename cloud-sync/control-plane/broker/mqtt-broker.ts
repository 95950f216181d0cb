import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { Aedes, type AedesOptions, type AuthenticateError, type Client } from 'aedes';
import type { Logger } from '../../../lib/logger.ts';
import { limitMqttPackets } from '../../../lib/mqtt-packet-limit.ts';
import { sendAtOnce } from '../../../lib/send-at-once.ts';
import { findOperator } from '../database/operators.ts';
import type { Database } from '../database/schema.ts';
import { deviceTopics } from '../../protocol/topics.ts';
import { certificateIdentity, confirmDevice, type DeviceIdentity, type Identity } from '../identity.ts';
import { connectRefusal, isRepublished, maySubscribe, publishRight } from './broker-rules.ts';
import { DeviceLinks } from './device-links.ts';
import { inOrder } from './in-order.ts';
import type { Ingest, OutgoingMessage } from './ingest.ts';
import type { Republisher } from './republisher.ts';
import { SilenceGuard } from './silence-guard.ts';
import { dropSlowReader } from './slow-reader.ts';
import { subscriberLink } from './subscriber-link.ts';

export type MqttBrokerOptions = {
  readonly db: Database;
  readonly ingest: Ingest;
  readonly republisher: Republisher;
  readonly logger: Logger;
  /** `ca` signs the client certificates. PEM. */
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
};

const packetLimits = { connectBytes: 32 * 1024, packetBytes: 1.5 * 2 ** 20 };
const maxConnections = 20_000;
const connectTimeoutMs = 10_000;
/** Of one client, waiting in memory for its PUBREL. The protocol has no need of QoS 2. */
const maxQos2Messages = 16;
/** Of one connection, over its life. A device needs ten. */
const maxSubscriptions = 1000;
const maxFilterLength = 1024;
/** A client that leaves more than this unread, or reads nothing of it for so long, is disconnected. */
const slowReader = { maxWaitingBytes: 16 * 2 ** 20, stallMs: 30_000 };
/** Messages of ours on their way to clients; what comes on top is not sent, and said again when they ask. */
const maxUndelivered = 20_000;

/**
 * The broker that devices reach with their certificate and operators' tools with their token: MQTT 3.1.1 over TLS.
 * It keeps no sessions: what must last is in the database and comes again after a reconnection.
 */
export class MqttBroker implements AsyncDisposable {
  /** Not listening yet: see `Ports`. */
  readonly server: Server;
  readonly #options: MqttBrokerOptions;
  readonly #ingest: Ingest;
  readonly #identities = new WeakMap<Client, Identity>();
  /** The live connection of each device. */
  readonly #devices = new Map<string, Client>();
  readonly #sockets = new Set<TLSSocket>();
  readonly #ingesting = new Set<Promise<void>>();
  /** How much of each client is being taken in. */
  readonly #busy = new WeakMap<Client, number>();
  /** How many subscriptions each client was granted; what it gave up counts on. */
  readonly #granted = new WeakMap<Client, number>();
  readonly #links = new DeviceLinks((identity, offline) => this.#gone(identity, offline));
  readonly #silence = new SilenceGuard();
  #aedes: Aedes;
  #undelivered = 0;
  #dropped = 0;

  private constructor(options: MqttBrokerOptions) {
    this.#options = options;
    this.#ingest = inOrder(options.ingest);
    this.#aedes = new Aedes(this.#aedesOptions());
    this.server = createServer(
      // A bad certificate is refused with an MQTT return code, which tells the client more than a TLS alert does.
      { ...options.tls, requestCert: true, rejectUnauthorized: false, handshakeTimeout: connectTimeoutMs },
      (socket) => this.#accept(socket),
    );
    this.server.maxConnections = maxConnections;
  }

  static async open(options: MqttBrokerOptions): Promise<MqttBroker> {
    const broker = new MqttBroker(options);
    broker.#watch();
    await broker.#aedes.listen();
    return broker;
  }

  /** To whoever is subscribed, at QoS 1; a retained message also to whoever subscribes later. Does not wait for them. */
  publish({ topic, payload, retain = false }: OutgoingMessage): void {
    if (!retain && this.#undelivered >= maxUndelivered) {
      if (this.#dropped++ % 1000 === 0)
        this.#options.logger.warn('broker.overflow', { dropped: this.#dropped });
      return;
    }
    this.#undelivered += 1;
    const packet = {
      cmd: 'publish',
      topic,
      payload: Buffer.from(payload),
      qos: 1,
      retain,
      dup: false,
    } as const;
    this.#aedes.publish(packet, () => {
      this.#undelivered -= 1;
    });
  }

  isConnected(device: string): boolean {
    return this.#devices.has(device);
  }

  /** Ends the live connection of a device: its certificate no longer holds. */
  disconnect(device: string): void {
    const client = this.#devices.get(device);
    if (!client) return;
    this.#options.logger.info('broker.disconnected', { device });
    client.close();
  }

  /** Ends every connection and resolves when what they said last (their wills) is stored. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.server.listening && once(this.server, 'close');
    this.#silence[Symbol.dispose]();
    this.#links[Symbol.dispose]();
    this.server.close();
    await new Promise<void>((done) => this.#aedes.close(() => done()));
    for (const socket of this.#sockets) socket.destroy();
    await Promise.allSettled(this.#ingesting);
    if (closed) await closed;
  }

  #accept(socket: TLSSocket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    socket.setKeepAlive(true, 30_000);
    sendAtOnce(socket);
    limitMqttPackets(socket, packetLimits);
    dropSlowReader(socket, slowReader);
    this.#aedes.handle(socket);
  }

  #watch(): void {
    const { logger } = this.#options;
    this.server.on('tlsClientError', (error) => logger.debug('broker.handshakeFailed', { error }));
    this.server.on('error', (error) => logger.error('broker.failed', { error }));
    this.#aedes.on('connectionError', (_, error) => logger.debug('broker.connectionError', { error }));
    this.#aedes.on('clientError', (client, error) => {
      logger.info('broker.clientError', { client: client.id, error });
    });
    this.#aedes.on('clientReady', (client) => {
      this.#ready(client).catch((error: unknown) => {
        // Nobody stays who could not be confirmed.
        logger.error('broker.unconfirmed', { client: client.id, error });
        client.close();
      });
    });
    this.#watchSubscriptions();
    this.#aedes.on('clientDisconnect', (client) => {
      if (this.#devices.get(client.id) === client) this.#devices.delete(client.id);
    });
  }

  /** Relayed messages do not go through aedes, which would forget those that a slow subscriber leaves. */
  #watchSubscriptions(): void {
    const { republisher } = this.#options;
    this.#aedes.on('subscribe', (subscriptions, client) => {
      for (const { topic, qos } of subscriptions) {
        if (qos > 2 || !isRepublished(topic)) continue;
        republisher.subscribe(client, subscriberLink(client), topic, qos === 0 ? 0 : 1);
      }
    });
    this.#aedes.on('unsubscribe', (filters, client) => {
      for (const filter of filters) republisher.unsubscribe(client, filter);
    });
    this.#aedes.on('ack', (_, client) => republisher.acknowledge(client));
    this.#aedes.on('clientDisconnect', (client) => republisher.remove(client));
  }

  async #ready(client: Client): Promise<void> {
    const identity = this.#identities.get(client);
    if (identity?.kind !== 'device') return;
    this.#devices.set(identity.device, client);
    // The certificate may have been revoked while the client was connecting, before `disconnect` could see it.
    const confirmed = await confirmDevice(this.#options.db, identity);
    if (confirmed.kind !== 'device') client.close();
  }

  #aedesOptions(): AedesOptions {
    return {
      connectTimeout: connectTimeoutMs,
      maxInflightInbound: maxQos2Messages,
      preConnect: (client, packet, done) => {
        // Sessions would queue for absent clients in memory, without bound.
        packet.clean = true;
        this.#guard(client, packet.keepalive ?? 0);
        // aedes would count packets, and end a slow line in the middle of a large one.
        packet.keepalive = 0;
        // An operator's tool may take any id but never a device's place.
        const { kind } = certificateIdentity(client.conn as TLSSocket);
        if (kind === 'anonymous') packet.clientId = `operator:${randomUUID()}`;
        done(null, true);
      },
      authenticate: (client, _, password, done) => {
        this.#authenticate(client, password?.toString()).then(
          () => done(null, true),
          (error: unknown) => done(error as AuthenticateError, false),
        );
      },
      authorizeSubscribe: (client, subscription, done) => {
        const count = this.#granted.get(client) ?? 0;
        const { topic } = subscription;
        const fits = count < maxSubscriptions && topic.length <= maxFilterLength;
        const allowed = fits && maySubscribe(this.#identities.get(client), topic);
        if (allowed) this.#granted.set(client, count + 1);
        done(null, allowed ? subscription : null);
      },
      // aedes sends PUBACK after this hook and before `published`: what is promised must be stored here. [G1]
      authorizePublish: (client, packet, done) => {
        const right = publishRight(client ? this.#identities.get(client) : undefined, packet.topic);
        if (!right) {
          done(new Error(`not allowed to publish to ${packet.topic}`));
          return;
        }
        if (client && right.up.kind === 'online') {
          if (this.#links.isReplaced(client, right.source)) {
            done(new Error('another connection speaks for the device now'));
            return;
          }
          this.#links.said(client, packet.payload as Uint8Array);
        }
        const work = this.#ingest(right.source, right.up, Buffer.from(packet.payload)).then(
          ({ retain }) => {
            packet.retain = packet.retain && retain;
            done(null);
          },
          (error: unknown) => {
            const { device } = right.source;
            this.#options.logger.warn('broker.refused', { device, what: right.up.kind, error });
            done(error as Error);
          },
        );
        this.#takes(client, work);
      },
    };
  }

  async #authenticate(client: Client, password: string | undefined): Promise<void> {
    const identity = await this.#identify(client, password);
    const refusal = connectRefusal(identity, client.id);
    if (refusal) {
      this.#options.logger.info('broker.connectRefused', { client: client.id, reason: refusal.reason });
      throw Object.assign(new Error(refusal.reason), { returnCode: refusal.returnCode });
    }
    this.#identities.set(client, identity);
    if (identity.kind === 'device') this.#links.arrived(client, identity);
  }

  #takes(client: Client | null, work: Promise<void>): void {
    this.#ingesting.add(work);
    const count = (change: number): void => {
      if (client) this.#busy.set(client, (this.#busy.get(client) ?? 0) + change);
    };
    count(1);
    void work.finally(() => {
      this.#ingesting.delete(work);
      count(-1);
    });
  }

  #guard(client: Client, keepAliveSeconds: number): void {
    if (keepAliveSeconds === 0) return;
    this.#silence.watch({
      socket: client.conn as TLSSocket,
      keepAliveMs: keepAliveSeconds * 1000,
      isBusy: () => (this.#busy.get(client) ?? 0) > 0,
      onSilent: () => {
        this.#options.logger.info('broker.clientSilent', { client: client.id, keepAliveSeconds });
        client.conn.destroy();
      },
    });
  }

  /** The device went without its last will. */
  #gone(identity: DeviceIdentity, offline: Uint8Array): void {
    const topic = deviceTopics(identity).online;
    const work = this.#ingest(identity, { kind: 'online' }, offline).then(
      ({ retain }) => {
        if (retain) this.publish({ topic, payload: offline, retain: true });
      },
      (error: unknown) => {
        this.#options.logger.debug('broker.goneUntold', { device: identity.device, error });
      },
    );
    this.#takes(null, work);
  }

  async #identify(client: Client, password: string | undefined): Promise<Identity> {
    const identity = certificateIdentity(client.conn as TLSSocket);
    if (identity.kind === 'device') return confirmDevice(this.#options.db, identity);
    if (identity.kind !== 'anonymous' || password === undefined) return identity;
    const operator = await findOperator(this.#options.db, password);
    return operator ? { kind: 'operator', name: operator.name } : identity;
  }
}

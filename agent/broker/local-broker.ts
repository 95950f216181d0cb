import type { EventEmitter } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { AedesPublishPacket, Client, PublishPacket } from 'aedes';
import { errorMessage } from '../../lib/error-code.ts';
import type { Logger } from '../../lib/logger.ts';
import type { ClientSpec } from '../../manifests/network.ts';
import { listenOnOwnPort } from '../listen.ts';
import { maxPayloadBytes, maxTopicBytes, type IncomingMessage } from '../streams/bounds.ts';
import type { LocalStore } from '../streams/local-store.ts';
import type { Operation } from '../streams/operations.ts';
import type { StoredWill } from '../streams/session-operations.ts';
import { Admission, connack, maxTopicLevels } from './admission.ts';
import { isFed, type AedesClient } from './aedes-client.ts';
import { ConnectionLimits } from './connection-limits.ts';
import type { VerifyPassword } from './credentials.ts';
import { DeviceAedes } from './device-aedes.ts';
import { OutgoingBudget } from './outgoing-budget.ts';
import { PacketGuard, type Connection, type Peer } from './packet-guard.ts';
import { RetainedMessages } from './retained-messages.ts';
import { SessionBook } from './session-book.ts';
import { SessionPersistence } from './session-persistence.ts';

type BrokerStore = Pick<
  LocalStore,
  'commit' | 'counts' | 'onCommit' | 'retained' | 'sessions' | 'sessionMessages' | 'wills'
>;

export type LocalBrokerOptions = {
  readonly root: string;
  readonly host: string;
  /** 0: the port chosen at an earlier start, else a free one. */
  readonly port: number;
  readonly verifyPassword: VerifyPassword;
  /**
   * Takes a message over, `also` with it: resolves when it is on disk, rejects when it cannot be taken; the publisher is then
   * disconnected.
   */
  readonly accept: (message: IncomingMessage, also: readonly Operation[]) => Promise<void>;
  readonly store: BrokerStore;
  /** For a whole CONNECT to come; default 10 s. */
  readonly connectTimeoutMs?: number;
  readonly now: () => Date;
  readonly logger: Logger;
};

export type SessionStatus = {
  readonly client: string;
  readonly connected: boolean;
  /** RFC 3339; null while it is connected. */
  readonly away: string | null;
  readonly messages: number;
  readonly bytes: number;
  readonly dropped: number;
};

const nothingElse: readonly Operation[] = [];

const limits = {
  connectBytes: 64 * 1024,
  connectTimeoutMs: 10_000,
  /** What a subscriber does not read makes publishers wait this long for it; then it is let go. */
  drainTimeoutMs: 5000,
} as const;

/**
 * The MQTT 3.1.1 broker of the device's own network. Every client is named in the manifest and may use the topics it was
 * granted there. Sessions with `clean session` off outlive the agent.
 */
export class LocalBroker implements AsyncDisposable {
  readonly host: string;
  readonly sessions: SessionBook;
  readonly #options: LocalBrokerOptions;
  readonly #admission: Admission;
  readonly #persistence: SessionPersistence;
  readonly #connected = new Set<Client>();
  readonly #guards = new Set<PacketGuard>();
  readonly #connections = new ConnectionLimits();
  readonly #outgoing = new OutgoingBudget();
  readonly #server: Server;
  readonly #aedes: DeviceAedes;
  readonly #stopListening: () => void;
  /** Of clients that were connected when the agent died. */
  #leftWills: readonly StoredWill[] = [];
  #clients: ReadonlyMap<string, ClientSpec> = new Map();
  #port = 0;
  /** Opens when the clients are known and what those of the time before left is published. */
  #door: 'closed' | 'opening' | 'open' = 'closed';

  /** Rejects with AgentError 'portInUse', 'badInput' or 'broken', or as the store does. */
  static async open(options: LocalBrokerOptions): Promise<LocalBroker> {
    const { store, now, logger } = options;
    const retained = new RetainedMessages();
    for (const message of await store.retained())
      retained.put({ ...message, payload: Buffer.from(message.payload) });
    const broker = new LocalBroker(options, await SessionBook.load({ store, now, logger }), retained);
    try {
      await broker.#start();
    } catch (error) {
      await broker[Symbol.asyncDispose]();
      throw error;
    }
    return broker;
  }

  private constructor(options: LocalBrokerOptions, sessions: SessionBook, retained: RetainedMessages) {
    const { host, store, verifyPassword, now, logger } = options;
    this.host = host;
    this.sessions = sessions;
    this.#options = options;
    const keepsSessions = (name: string): boolean => sessions.keeps(name);
    const keptSubscriptions = (): number => sessions.subscriptionCount;
    this.#admission = new Admission({ verifyPassword, keepsSessions, keptSubscriptions, now, logger });
    const granted = this.#admission.granted.bind(this.#admission);
    this.#persistence = new SessionPersistence({ book: sessions, store, retained, granted, logger });
    this.#aedes = this.#build(retained);
    this.#server = createServer((socket) => this.#accept(socket));
    this.#stopListening = store.onCommit(({ sessions: arrived }) => {
      for (const [client, messages] of arrived) this.#persistence.feed(client)?.offer(messages);
    });
  }

  get port(): number {
    return this.#port;
  }
  get clientCount(): number {
    return this.#connected.size;
  }

  /** The fullest first. */
  sessionStatus(): SessionStatus[] {
    const all = [...this.#options.store.counts.sessions.all()];
    return all
      .map(([client, { away, messages, bytes, dropped }]) => ({
        ...{ client, messages, bytes, dropped },
        connected: this.sessions.get(client)?.connected ?? false,
        away: away === null ? null : new Date(away).toISOString(),
      }))
      .sort((a, b) => b.bytes - a.bytes);
  }

  /** Who may connect and do what, from now on. A client whose entry changed or went is disconnected. */
  async setClients(clients: Readonly<Record<string, ClientSpec>>): Promise<void> {
    this.#clients = new Map(Object.entries(clients));
    this.#admission.setClients(this.#clients);
    for (const client of this.#connected) if (!this.#admission.isInForce(client)) client.close();
    const mayStay = this.#admission.mayRead.bind(this.#admission);
    try {
      await this.sessions.setClients(this.#clients, mayStay);
    } catch (error) {
      this.#options.logger.warn('mqtt.sessions.kept', { error: errorMessage(error) });
    }
    if (this.#door !== 'closed') return;
    // Nobody is let in before them: who comes back may leave a new one.
    this.#door = 'opening';
    void this.#publishLeftWills();
  }

  /** Ends sessions whose time is over. */
  async tidy(): Promise<void> {
    await this.sessions.tidy();
  }

  /**
   * Delivers a message of this device's own to the subscribers of the moment. It was committed before, by the operations of
   * `messageOperations`: sessions get it from there.
   */
  async publish(message: {
    topic: string;
    payload: Uint8Array;
    qos: 0 | 1 | 2;
    retain: boolean;
  }): Promise<void> {
    const { topic, qos, retain } = message;
    const payload = Buffer.from(message.payload);
    const packet = { cmd: 'publish', topic, payload, qos, retain, dup: false } as const;
    if (this.#aedes.closed) return;
    await new Promise<void>((resolve, reject) =>
      this.#aedes.publish(packet, (error?: Error | null) => (error ? reject(error) : resolve())),
    );
  }

  /** A connection that a listener took; `release` runs when it ends. */
  connect(connection: Connection, peer: Peer, onAuthenticated: () => void): void {
    // Until the manifest's clients are known nobody can be told yes or no: as if nothing listened yet.
    if (this.#door !== 'open' || this.#aedes.closed) {
      connection.destroy();
      return;
    }
    // Room for the payload, the topic and the fixed parts of a PUBLISH.
    const maxPacketBytes = maxPayloadBytes + maxTopicBytes + 16;
    const guard = new PacketGuard(connection, {
      ...{ maxConnectBytes: limits.connectBytes, maxPacketBytes, peer },
      ...{ outgoing: this.#outgoing, onOpen: onAuthenticated },
    });
    this.#guards.add(guard);
    const client = this.#aedes.handle(guard);
    guard.once('close', () => {
      this.#guards.delete(guard);
      this.#leave(client);
    });
  }

  get connections(): ConnectionLimits {
    return this.#connections;
  }

  /** Ends every connection; a message that was being taken may or may not be acknowledged. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#persistence.stop();
    await new Promise<void>((resolve) => this.#aedes.close(resolve));
    this.#persistence.flush();
    this.#stopListening();
    for (const guard of this.#guards) guard.destroy();
    this.#connections.destroyAll();
    await closed;
  }

  async #start(): Promise<void> {
    const { root, host, port, logger, store } = this.#options;
    this.#leftWills = await store.wills();
    await this.#aedes.listen();
    this.#port = await listenOnOwnPort(this.#server, 'mqtt', { root, host, port, logger });
    logger.info('mqtt.listening', { host, port: this.#port });
  }

  #build(retained: RetainedMessages): DeviceAedes {
    const { connectTimeoutMs = limits.connectTimeoutMs, logger } = this.#options;
    const options: ConstructorParameters<typeof DeviceAedes>[0] = {
      connectTimeout: connectTimeoutMs,
      drainTimeout: limits.drainTimeoutMs,
      maxTopicLevels,
      maxClientsIdLength: 256,
      persistence: this.#persistence,
      preConnect: (client, packet, done) => {
        this.#admission.greet(client, packet);
        done(null, true);
      },
      authenticate: (client, _name, password, done) => {
        void this.#admission.login(client, password).then((returnCode) => {
          if (returnCode === connack.accepted) {
            if (!client.closed) this.#persistence.enter(client);
            done(null, true);
          } else done(Object.assign(new Error('connection refused'), { returnCode }), null);
        });
      },
      authorizePublish: (client, packet, done) => {
        this.#take(client, packet).then(
          () => done(null),
          (error: unknown) => done(error instanceof Error ? error : new Error(errorMessage(error))),
        );
      },
      authorizeSubscribe: (client, subscription, done) =>
        done(
          null,
          subscription.topic.startsWith('$session') ? null : this.#admission.grant(client, subscription),
        ),
      authorizeForward: (client, packet) => this.#forward(client as AedesClient, packet),
    };
    const aedes = new DeviceAedes(options, retained);
    aedes.on('clientReady', (client) => this.#ready(client));
    aedes.on('clientDisconnect', (client) => this.#leave(client));
    aedes.on('unsubscribe', (filters, client) => this.#admission.forget(client, filters));
    aedes.on('clientError', (client, error) => this.#report('mqtt.client.error', client, error));
    aedes.on('connectionError', (client, error) => this.#report('mqtt.connection.error', client, error));
    const events: EventEmitter = aedes;
    events.on('error', (error: unknown) => logger.error('mqtt.broker.error', { error: String(error) }));
    return aedes;
  }

  /** aedes tells only of those whose CONNECT had come to its end. */
  #leave(client: Client): void {
    this.#persistence.leave(client);
    this.#admission.leave(client);
    if (!this.#connected.delete(client)) return;
    const messages = client.conn instanceof PacketGuard ? client.conn.missed : 0;
    const name = this.#admission.nameOf(client);
    if (messages > 0) this.#options.logger.warn('mqtt.messages.dropped', { client: name, messages });
  }

  #ready(client: Client): void {
    if (client.closed) return;
    // The clients may have changed since the credential was checked.
    if (!this.#admission.isInForce(client)) {
      client.close();
      return;
    }
    this.#connected.add(client);
    if (client.conn instanceof PacketGuard) client.conn.open();
    if (!client.clean) this.#persistence.feed(client.id)?.start();
  }

  #accept(socket: Socket): void {
    const admitted = this.#connections.admit(socket);
    if (!admitted) return;
    socket.setNoDelay(true);
    this.connect(socket, { address: socket.remoteAddress }, admitted.authenticated);
  }

  /** What a client gets of a message: from a subscription of the moment here, in a session from its queue. */
  #forward(client: AedesClient, packet: AedesPublishPacket): AedesPublishPacket | null {
    if (isFed(packet)) return packet;
    const qos = packet.qos === 0 ? 0 : this.#admission.effectiveQos(client, packet);
    const { conn } = client;
    if (qos === 0 && conn instanceof PacketGuard && conn.isStalled) {
      conn.missed++;
      return null;
    }
    if (packet.qos === 0) return packet;
    const session = client.clean || qos === 0 ? undefined : this.sessions.get(client.id);
    if (!session) return qos === packet.qos ? packet : { ...packet, qos };
    // What aedes sends by itself after SUBACK; the rest was queued when it was committed.
    if (packet.retain && !packet.brokerId) void this.#queueRetained(client, { ...packet, qos });
    return null;
  }

  async #queueRetained(client: Client, { topic, payload, qos }: AedesPublishPacket): Promise<void> {
    const message = { topic, payload: Buffer.from(payload as Buffer), qos, retain: true };
    try {
      await this.sessions.queueRetained(client.id, message);
    } catch (error) {
      this.#report('mqtt.retained.unsent', client, error as Error);
      client.close();
    }
  }

  /** [G1] aedes sends PUBACK (QoS 1) and PUBREC (QoS 2) only after this resolves. Last wills come through here too. */
  #take(client: Client | null, packet: PublishPacket): Promise<void> {
    const { topic, qos, retain } = packet;
    const name = client ? this.#admission.nameOf(client) : undefined;
    if (!client || !this.#admission.mayPublish(name, topic)) {
      this.#options.logger.warn('mqtt.publish.denied', {
        client: name,
        topic: topic.slice(0, maxTopicBytes),
      });
      return Promise.reject(new Error('publish not allowed'));
    }
    const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
    const message = { topic, payload, qos, retain };
    const { accept } = this.#options;
    return qos === 2
      ? this.#persistence.takeOnce(client, packet, (also) => accept(message, also))
      : accept(message, nothingElse);
  }

  /** By the rules of today: a client that may not publish its will any more leaves none. */
  async #publishLeftWills(): Promise<void> {
    for (const { client, name, message } of this.#leftWills) {
      const forget = { op: 'forgetWill', client } as const;
      try {
        if (this.#admission.mayPublish(name, message.topic)) {
          await this.#options.accept(message, [forget]);
          await this.publish(message);
        } else await this.#options.store.commit([forget]);
      } catch (error) {
        this.#options.logger.warn('mqtt.will.unpublished', { client, error: errorMessage(error) });
      }
    }
    this.#leftWills = [];
    this.#door = 'open';
  }

  #report(event: string, client: Client, error: Error): void {
    const address = client.conn instanceof PacketGuard ? client.conn.peer.address : undefined;
    this.#options.logger.info(event, {
      ...{ client: this.#admission.nameOf(client), address, error: error.message },
    });
  }
}

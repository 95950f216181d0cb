import type { EventEmitter } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { Aedes, type Client, type ConnectPacket, type PublishPacket } from 'aedes';
import { errorMessage } from '../../lib/error-code.ts';
import type { Logger } from '../../lib/logger.ts';
import { filterCovers, topicMatches } from '../../lib/topic-filter.ts';
import type { ClientSpec } from '../../manifests/network.ts';
import { listenOnOwnPort } from '../listen.ts';
import { maxPayloadBytes, maxTopicBytes, type IncomingMessage } from '../streams/bounds.ts';
import type { RetainedMessage } from '../streams/operations.ts';
import { Credentials, type VerifyPassword } from './credentials.ts';
import { PacketGuard } from './packet-guard.ts';

export type LocalBrokerOptions = {
  readonly root: string;
  readonly host: string;
  /** 0: the port chosen at an earlier start, else a free one. */
  readonly port: number;
  readonly verifyPassword: VerifyPassword;
  /** Takes a message over: resolves when it is on disk, rejects when it cannot be taken; the publisher is then disconnected. */
  readonly accept: (message: IncomingMessage) => Promise<void>;
  readonly retained: readonly RetainedMessage[];
  readonly logger: Logger;
};

const limits = {
  connections: 1024,
  connectBytes: 64 * 1024,
  connectTimeoutMs: 10_000,
  /** A subscriber that reads nothing for this long is let go. */
  drainTimeoutMs: 20_000,
  topicLevels: 32,
} as const;

/** The id is the client's own, but printable, free of wildcards and levels, and not a path. */
const clientIdPattern = /^[A-Za-z0-9_.:|@-]{0,128}$/;

type Incoming = { incomingGetPacket(client: Client, packet: PublishPacket): Promise<unknown> };

/**
 * The MQTT 3.1.1 broker of the device's own network. Every client is named in the manifest and may use the topics it was
 * granted there. Sessions end with their connection: `clean: false` is answered with "no session", as §3.1.2.4 allows.
 */
export class LocalBroker implements AsyncDisposable {
  readonly host: string;
  readonly #options: LocalBrokerOptions;
  readonly #credentials: Credentials;
  readonly #names = new WeakMap<Client, string>();
  /** What each client's entry was when its password was checked. */
  readonly #admitted = new WeakMap<Client, ClientSpec>();
  readonly #connected = new Set<Client>();
  readonly #wills = new WeakMap<Client, string>();
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  #aedes: Aedes;
  #clients: ReadonlyMap<string, ClientSpec> = new Map();
  #port = 0;
  #configured = false;

  /** Rejects with AgentError 'portInUse' or 'broken'. */
  static async open(options: LocalBrokerOptions): Promise<LocalBroker> {
    const broker = new LocalBroker(options);
    try {
      await broker.#start();
    } catch (error) {
      await broker[Symbol.asyncDispose]();
      throw error;
    }
    return broker;
  }

  private constructor(options: LocalBrokerOptions) {
    this.host = options.host;
    this.#options = options;
    this.#credentials = new Credentials(options.verifyPassword);
    this.#aedes = this.#build();
    this.#server = createServer((socket) => this.#connection(socket));
    this.#server.maxConnections = limits.connections;
  }

  get port(): number {
    return this.#port;
  }
  get clientCount(): number {
    return this.#connected.size;
  }

  /** Who may connect and do what, from now on. A client whose entry changed or went is disconnected. */
  setClients(clients: Readonly<Record<string, ClientSpec>>): void {
    this.#configured = true;
    this.#clients = new Map(Object.entries(clients));
    for (const client of this.#connected) if (!this.#isInForce(client)) client.close();
  }

  /** Delivers a message of this device's own to the subscribers of the moment. Nothing is stored. */
  async publish(message: {
    topic: string;
    payload: Uint8Array;
    qos: 0 | 1 | 2;
    retain: boolean;
  }): Promise<void> {
    const packet = {
      cmd: 'publish',
      topic: message.topic,
      payload: Buffer.from(message.payload),
      qos: message.qos,
      retain: message.retain,
      dup: false,
    } as const;
    if (this.#aedes.closed) return;
    await new Promise<void>((resolve, reject) =>
      this.#aedes.publish(packet, (error) => (error ? reject(error) : resolve())),
    );
  }

  /** Ends every connection; a message that was being taken may or may not be acknowledged. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await new Promise<void>((resolve) => this.#aedes.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #start(): Promise<void> {
    const { retained, root, host, port, logger } = this.#options;
    await this.#aedes.listen();
    for (const message of retained) await this.publish({ ...message, retain: true });
    this.#port = await listenOnOwnPort(this.#server, 'mqtt', { root, host, port, logger });
    logger.info('mqtt.listening', { host, port: this.#port });
  }

  #build(): Aedes {
    const { logger } = this.#options;
    const aedes = new Aedes({
      connectTimeout: limits.connectTimeoutMs,
      drainTimeout: limits.drainTimeoutMs,
      maxTopicLevels: limits.topicLevels,
      maxClientsIdLength: 256,
      // Without an error aedes would leave the connection open for ever.
      preConnect: (client, packet, done) => {
        const welcome = this.#greet(client, packet);
        done(welcome ? null : new Error('client id refused'), welcome);
      },
      // A refusal is CONNACK 5, whatever its cause: a stranger learns nothing of which names exist.
      authenticate: (client, name, password, done) => {
        void this.#login(client, name, password).then((welcome) => done(null, welcome));
      },
      authorizePublish: (client, packet, done) => {
        this.#take(client, packet).then(
          () => done(null),
          (error: unknown) => done(error instanceof Error ? error : new Error(errorMessage(error))),
        );
      },
      authorizeSubscribe: (client, subscription, done) =>
        done(null, this.#maySubscribe(client, subscription.topic) ? subscription : null),
    });
    aedes.on('clientReady', (client) => {
      // The clients may have changed since the password was checked.
      if (!this.#isInForce(client)) {
        client.close();
        return;
      }
      this.#connected.add(client);
      if (client.conn instanceof PacketGuard) client.conn.open();
    });
    aedes.on('clientDisconnect', (client) => this.#connected.delete(client));
    aedes.on('clientError', (client, error) => this.#report('mqtt.client.error', client, error));
    aedes.on('connectionError', (client, error) => this.#report('mqtt.connection.error', client, error));
    const events: EventEmitter = aedes;
    events.on('error', (error: unknown) => logger.error('mqtt.broker.error', { error: String(error) }));
    return aedes;
  }

  #connection(socket: Socket): void {
    // Until the manifest's clients are known nobody can be told yes or no: as if nothing listened yet.
    if (!this.#configured) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    socket.setNoDelay(true);
    // Room for the payload, the topic and the fixed parts of a PUBLISH.
    const maxPacketBytes = maxPayloadBytes + maxTopicBytes + 16;
    this.#aedes.handle(new PacketGuard(socket, { maxConnectBytes: limits.connectBytes, maxPacketBytes }));
  }

  #greet(client: Client, packet: ConnectPacket): boolean {
    const { clientId, username = '' } = packet;
    if (!clientIdPattern.test(clientId)) {
      this.#options.logger.warn('mqtt.connect.refused', { reason: 'client id' });
      return false;
    }
    // An id belongs to its credential: nobody takes over a session by guessing one.
    if (clientId !== '') packet.clientId = `${username}/${clientId}`;
    packet.clean = true;
    if (packet.will) this.#wills.set(client, packet.will.topic);
    return true;
  }

  async #login(client: Client, name = '', password: Buffer | undefined): Promise<boolean> {
    const { logger } = this.#options;
    const spec = this.#clients.get(name);
    if (spec?.password === undefined || !password) {
      logger.warn('mqtt.connect.refused', { reason: 'unknown client' });
      return false;
    }
    try {
      const verdict = await this.#credentials.check(spec.password, password.toString('utf8'));
      const fault = verdict === 'accepted' ? this.#objection(client, name, spec) : verdict;
      if (fault === undefined) {
        this.#names.set(client, name);
        this.#admitted.set(client, spec);
        return true;
      }
      logger.warn('mqtt.connect.refused', { client: name, reason: fault });
      return false;
    } catch (error) {
      logger.error('mqtt.connect.failed', { client: name, error: errorMessage(error) });
      return false;
    }
  }

  /** Why a client with the right password is not let in by `spec`. Checking took a while: that may be out of force by now. */
  #objection(client: Client, name: string, spec: ClientSpec): string | undefined {
    if (!isSame(spec, this.#clients.get(name))) return 'changed meanwhile';
    const will = this.#wills.get(client);
    return will === undefined || mayPublish(spec, will) ? undefined : 'last will';
  }

  /** Whether the entry by which the client was let in still stands. */
  #isInForce(client: Client): boolean {
    return isSame(this.#admitted.get(client), this.#clients.get(this.#names.get(client) ?? ''));
  }

  /** [G1] aedes sends PUBACK (QoS 1) and PUBREC (QoS 2) only after this resolves. Last wills come through here too. */
  async #take(client: Client | null, packet: PublishPacket): Promise<void> {
    const name = client ? this.#names.get(client) : undefined;
    const spec = name === undefined ? undefined : this.#clients.get(name);
    if (!client || !spec || !mayPublish(spec, packet.topic)) {
      this.#options.logger.warn('mqtt.publish.denied', { client: name, topic: packet.topic });
      throw new Error('publish not allowed');
    }
    if (packet.qos === 2 && (await this.#seen(client, packet))) return;
    const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
    await this.#options.accept({ topic: packet.topic, payload, qos: packet.qos, retain: packet.retain });
  }

  /** Whether this QoS 2 packet was taken already and waits for its PUBREL: a repetition is not stored again [MQTT-4.3.3]. */
  async #seen(client: Client, packet: PublishPacket): Promise<boolean> {
    // aedes makes this memory by itself and leaves it out of its types.
    const { persistence } = this.#aedes as Aedes & { readonly persistence: Incoming };
    return persistence.incomingGetPacket(client, packet).then(
      () => true,
      () => false,
    );
  }

  #maySubscribe(client: Client, filter: string): boolean {
    const name = this.#names.get(client);
    const spec = name === undefined ? undefined : this.#clients.get(name);
    const allowed =
      !filter.startsWith('$') && (spec?.subscribe.some((grant) => filterCovers(grant, filter)) ?? false);
    if (!allowed)
      this.#options.logger.warn('mqtt.subscribe.denied', {
        client: name,
        filter: filter.slice(0, maxTopicBytes),
      });
    return allowed;
  }

  #report(event: string, client: Client, error: Error): void {
    const address = client.conn instanceof PacketGuard ? client.conn.remoteAddress : undefined;
    this.#options.logger.info(event, { client: this.#names.get(client), address, error: error.message });
  }
}

function isSame(spec: ClientSpec | undefined, other: ClientSpec | undefined): boolean {
  return JSON.stringify(spec) === JSON.stringify(other);
}

function mayPublish(spec: ClientSpec, topic: string): boolean {
  if (topic === '' || topic.startsWith('$') || topic.includes('\0')) return false;
  if (Buffer.byteLength(topic) > maxTopicBytes) return false;
  return spec.publish.some((filter) => topicMatches(filter, topic));
}

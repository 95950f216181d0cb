import type { Logger } from '../../lib/logger.ts';
import { errorMessage } from '../../lib/error-code.ts';
import type { ClientSpec } from '../../manifests/network.ts';
import { AgentError } from '../errors.ts';
import type { LocalStore } from '../streams/local-store.ts';
import type { Operation } from '../streams/operations.ts';
import type { SessionContent, SessionSubscription } from '../streams/session-operations.ts';
import { nameOf } from './aedes-client.ts';
import { sessionWindow } from './session-feed.ts';
import { SubscriptionTree, type Qos } from './subscription-tree.ts';

/** Sessions of one client of the manifest, and of all. */
const maxPerName = 64;
const maxSessions = 1000;
/** Topics whose sessions are remembered. */
const maxRemembered = 10_000;

export type SessionStore = Pick<LocalStore, 'commit' | 'counts' | 'sessions' | 'sessionMessages'>;

export type Session = {
  readonly client: string;
  readonly name: string;
  readonly subscriptions: Map<string, Qos>;
  /** Packet identifiers of messages that were taken and not yet released (QoS 2). */
  readonly taken: Taken;
  connected: boolean;
  /** The last message that was sent. */
  sentUpTo: number;
};

/** By packet identifier; settles when the message is on disk, or cannot be taken. */
export type Taken = Map<number, Promise<unknown>>;

type Deliver = Extract<Operation, { op: 'deliver' }>;

const none: readonly (readonly [string, Qos])[] = [];

/**
 * The sessions of clients that connect with `clean session` off: who they are, what they subscribed to, how long they are
 * kept. The disk has all of it and what waits for them; memory only what finds a topic's sessions.
 */
export class SessionBook {
  readonly #store: SessionStore;
  readonly #now: () => Date;
  readonly #logger: Logger;
  readonly #sessions = new Map<string, Session>();
  readonly #tree = new SubscriptionTree();
  readonly #remembered = new Map<string, readonly (readonly [string, Qos])[]>();
  readonly #reportedDrops = new Map<string, number>();
  #clients: ReadonlyMap<string, ClientSpec> = new Map();

  static async load(options: { store: SessionStore; now: () => Date; logger: Logger }): Promise<SessionBook> {
    const book = new SessionBook(options);
    const leaving: Operation[] = [];
    for (const { client, subscriptions, received } of await options.store.sessions()) {
      const session = book.#add(client, received);
      for (const { filter, qos } of subscriptions) book.#index(session, filter, qos);
      if (options.store.counts.sessions.of(client)?.away !== null) continue;
      // Its client was connected when the agent ended: it may have been sent what fits into the window [MQTT-3.3.1-1].
      const sent = await options.store.sessionMessages({ client, after: 0, ...sessionWindow });
      session.sentUpTo = sent.at(-1)?.id ?? 0;
      leaving.push({ op: 'leaveSession', client, time: options.now().getTime() });
    }
    await options.store.commit(leaving);
    return book;
  }

  private constructor({ store, now, logger }: { store: SessionStore; now: () => Date; logger: Logger }) {
    this.#store = store;
    this.#now = now;
    this.#logger = logger;
  }

  /** Whether a client may leave a session behind. */
  keeps(name: string): boolean {
    const session = this.#clients.get(name)?.session;
    return session !== undefined && session.expiry > 0 && session.messages > 0 && session.bytes > 0;
  }

  /** Of QoS 1 and 2, of all sessions. */
  get subscriptionCount(): number {
    return this.#tree.size;
  }

  get(client: string): Session | undefined {
    return this.#sessions.get(client);
  }

  /** Sessions that get a message on `topic`, with the QoS they are granted, above 0. */
  subscribers(topic: string): readonly (readonly [client: string, qos: Qos])[] {
    if (this.#tree.size === 0) return none;
    const known = this.#remembered.get(topic);
    if (known) return known;
    const found = [...this.#tree.match(topic)];
    if (this.#remembered.size >= maxRemembered) this.#remembered.clear();
    this.#remembered.set(topic, found);
    return found;
  }

  /** [G1] What a message means for sessions: to be committed with everything else that it means. */
  deliveries({ topic, payload, qos }: Omit<SessionContent, 'retain'>): Operation[] {
    if (qos === 0) return [];
    return this.subscribers(topic).map(([client, granted]) =>
      this.#delivery(client, { topic, payload, qos: granted < qos ? granted : qos, retain: false }),
    );
  }

  /** Queues a retained message for a session that just subscribed to it. */
  async queueRetained(client: string, message: SessionContent): Promise<void> {
    await this.#store.commit([this.#delivery(client, message)]);
  }

  #delivery(client: string, message: SessionContent): Deliver {
    const { messages, bytes } = this.#clients.get(nameOf(client))?.session ?? { messages: 0, bytes: 0 };
    return { op: 'deliver', client, message, caps: { messages, bytes } };
  }

  /**
   * A client connects: finds its session, or makes one. Resolves when that is on disk. Rejects with AgentError 'tooLarge' when
   * there are too many sessions of connected clients.
   */
  async open(client: string): Promise<{ readonly session: Session; readonly present: boolean }> {
    const known = this.#sessions.get(client);
    if (known && this.#isExpired(known)) await this.end([client]);
    const present = this.#sessions.has(client);
    if (!present) await this.#makeRoom(nameOf(client));
    const session = this.#sessions.get(client) ?? this.#add(client);
    session.connected = true;
    const opening = { op: 'openSession', client, name: session.name } as const;
    // One that could not be ended may still be on disk.
    await this.#store.commit(present ? [opening] : [{ op: 'endSession', client }, opening]);
    return { session, present };
  }

  /** Its connection ended. */
  leave(session: Session): void {
    session.connected = false;
    const { client } = session;
    this.#inBackground([{ op: 'leaveSession', client, time: this.#now().getTime() }]);
  }

  async end(clients: readonly string[]): Promise<void> {
    for (const client of clients) {
      const session = this.#sessions.get(client);
      for (const filter of session?.subscriptions.keys() ?? []) this.#tree.remove(filter, client);
      this.#sessions.delete(client);
      this.#reportedDrops.delete(client);
    }
    this.#remembered.clear();
    await this.#store.commit(clients.map((client) => ({ op: 'endSession', client })));
  }

  /** Resolves when it is on disk: SUBACK after it means that messages are kept. */
  async subscribe(session: Session, subscriptions: readonly SessionSubscription[]): Promise<void> {
    const changed = subscriptions.filter(({ filter, qos }) => session.subscriptions.get(filter) !== qos);
    const before = changed.map(({ filter }) => [filter, session.subscriptions.get(filter)] as const);
    for (const { filter, qos } of changed) this.#index(session, filter, qos);
    // Asked for again for every filter of one packet: what is under way is waited for by an empty group too.
    const { client } = session;
    try {
      await this.#store.commit([{ op: 'subscribe', client, subscriptions: changed }]);
    } catch (error) {
      // As it is on disk: asked for again, it is written again.
      for (const [filter, qos] of before) this.#restore(session, filter, qos);
      throw error;
    }
  }

  async unsubscribe(session: Session, filters: readonly string[]): Promise<void> {
    const { client } = session;
    for (const filter of filters) this.#unindex(session, filter);
    await this.#store.commit([{ op: 'unsubscribe', client, filters }]);
  }

  /** Who may connect from now on: others lose their sessions, and all lose subscriptions that they may not have any more. */
  async setClients(
    clients: ReadonlyMap<string, ClientSpec>,
    mayStay: (name: string, filter: string) => boolean,
  ): Promise<void> {
    this.#clients = clients;
    const ended = [...this.#sessions.values()].filter(({ name }) => !this.keeps(name));
    if (ended.length > 0) await this.end(ended.map(({ client }) => client));
    for (const session of this.#sessions.values()) {
      const refused = [...session.subscriptions.keys()].filter((filter) => !mayStay(session.name, filter));
      if (refused.length > 0) await this.unsubscribe(session, refused);
    }
  }

  /** Ends sessions whose time is over, and says in the log what had to make room since the last time. */
  async tidy(): Promise<void> {
    const expired = [...this.#sessions.values()].filter((session) => this.#isExpired(session));
    if (expired.length > 0) {
      await this.end(expired.map(({ client }) => client));
      this.#logger.info('mqtt.sessions.expired', { count: expired.length });
    }
    for (const [client, { dropped }] of this.#store.counts.sessions.all()) {
      const before = this.#reportedDrops.get(client) ?? 0;
      if (dropped > before) this.#logger.warn('mqtt.session.dropped', { client, messages: dropped - before });
      this.#reportedDrops.set(client, dropped);
    }
  }

  #isExpired({ client, name, connected }: Session): boolean {
    const away = this.#store.counts.sessions.of(client)?.away ?? null;
    const expiry = this.#clients.get(name)?.session.expiry;
    if (connected || away === null || expiry === undefined) return false;
    return away + expiry <= this.#now().getTime();
  }

  /** One that is away longest gives way. */
  async #makeRoom(name: string): Promise<void> {
    const own = [...this.#sessions.values()].filter((session) => session.name === name);
    if (own.length < maxPerName && this.#sessions.size < maxSessions) return;
    const candidates = own.length >= maxPerName ? own : [...this.#sessions.values()];
    const since = ({ client }: Session): number =>
      this.#store.counts.sessions.of(client)?.away ?? Number.POSITIVE_INFINITY;
    const [oldest] = candidates.filter(({ connected }) => !connected).sort((a, b) => since(a) - since(b));
    if (!oldest)
      throw new AgentError('tooLarge', `There are ${candidates.length} sessions of connected clients`, {
        hint: 'Let clients connect with clean session, or use fewer client ids.',
      });
    this.#logger.warn('mqtt.session.displaced', { client: oldest.client });
    await this.end([oldest.client]);
  }

  #add(client: string, received: readonly number[] = []): Session {
    const onDisk = Promise.resolve();
    const session = {
      ...{ client, name: nameOf(client), subscriptions: new Map<string, Qos>() },
      ...{ taken: new Map(received.map((packet) => [packet, onDisk])), connected: false, sentUpTo: 0 },
    };
    this.#sessions.set(client, session);
    return session;
  }

  #index(session: Session, filter: string, qos: Qos): void {
    session.subscriptions.set(filter, qos);
    // Messages of QoS 0 are for those who are here.
    if (qos > 0) this.#tree.add(filter, session.client, qos);
    else this.#tree.remove(filter, session.client);
    this.#remembered.clear();
  }

  #unindex(session: Session, filter: string): void {
    if (session.subscriptions.delete(filter)) this.#tree.remove(filter, session.client);
    this.#remembered.clear();
  }

  #restore(session: Session, filter: string, qos: Qos | undefined): void {
    if (qos === undefined) this.#unindex(session, filter);
    else this.#index(session, filter, qos);
  }

  #inBackground(operations: readonly Operation[]): void {
    this.#store
      .commit(operations)
      .catch((error: unknown) => this.#logger.warn('mqtt.session.unsaved', { error: errorMessage(error) }));
  }
}

import { Readable } from 'node:stream';
import type { Client, PublishPacket, Subscription } from 'aedes';
import { errorMessage } from '../../lib/error-code.ts';
import type { Logger } from '../../lib/logger.ts';
import type { LocalStore } from '../streams/local-store.ts';
import type { Operation } from '../streams/operations.ts';
import { nameOf, type AedesClient } from './aedes-client.ts';
import type { RetainedMessages } from './retained-messages.ts';
import type { Session, SessionBook, Taken } from './session-book.ts';
import { SessionFeed } from './session-feed.ts';
import type { Qos } from './subscription-tree.ts';

export type SessionPersistenceOptions = {
  readonly book: SessionBook;
  readonly store: Pick<LocalStore, 'commit' | 'sessionMessages'>;
  readonly retained: RetainedMessages;
  /** What a client was granted of a filter. */
  readonly granted: (client: Client, filter: string) => Qos | undefined;
  readonly logger: Logger;
};

type Id = { readonly id: string };
type Acknowledgement = Id & { readonly clean?: boolean };
type PacketOf = { readonly cmd?: string; readonly messageId?: number | undefined };

/** QoS 2 messages of one client that it has not released, over all its connections. */
const maxTaken = 1000;

/** A session without subscriptions is one too: aedes says so only if it finds something to restore. */
const placeholder = '$session';

/**
 * What aedes asks for in order to keep sessions, by its own names. Clients with a clean session live in memory alone. A
 * session's queue is filled by `messageOperations` and emptied by a `SessionFeed`; aedes' own queue stays unused.
 */
export class SessionPersistence {
  readonly #options: SessionPersistenceOptions;
  readonly #feeds = new Map<string, SessionFeed>();
  /** By session, connections that were let in for it and have not ended. One stays, and not always the one let in last. */
  readonly #owners = new Map<string, Set<Client>>();
  /** Of clients without a session. */
  readonly #taken = new WeakMap<Client, Taken>();
  /** Packets that were taken the first time that they came. */
  readonly #firsts = new WeakSet<object>();
  readonly #wills = new Map<string, { readonly owner: Client; readonly will: PublishPacket }>();
  readonly #settled = new Map<string, number[]>();
  #stopping = false;

  constructor(options: SessionPersistenceOptions) {
    this.#options = options;
  }

  /** Of a client that is connected and has a session. */
  feed(clientId: string): SessionFeed | undefined {
    return this.#feeds.get(clientId);
  }

  /** The agent is going to end all connections. */
  stop(): void {
    this.#stopping = true;
  }

  /** `client` was let in, and its session is going to be opened. */
  enter(client: Client): void {
    if (client.clean) return;
    const owners = this.#owners.get(client.id) ?? new Set();
    this.#owners.set(client.id, owners.add(client));
  }

  /** The connection of `client` ended, at whatever stage; nothing happens when that is known already. */
  leave(client: Client): void {
    const session = this.#sessionOf(client);
    const feed = this.#feeds.get(client.id);
    if (feed?.isOf(client)) this.#endFeed(client.id, feed);
    const owners = this.#owners.get(client.id);
    if (!owners?.delete(client) || owners.size > 0) return;
    this.#owners.delete(client.id);
    // The next start finds it as it would after a crash: what was sent may have to be sent again.
    if (session?.connected === true && !this.#stopping) this.#options.book.leave(session);
  }

  /** Takes a QoS 2 message once [MQTT-4.3.3-2]: `accept` has what is to be committed with it. Rejects as `accept` does. */
  async takeOnce(
    client: Client,
    packet: PublishPacket,
    accept: (also: readonly Operation[]) => Promise<void>,
  ): Promise<void> {
    const { messageId } = packet;
    if (messageId === undefined) return accept([]);
    const session = this.#sessionOf(client);
    const taken = this.#takenBy(client, session);
    const before = taken.get(messageId);
    if (before) {
      await before;
      return;
    }
    // MQTT 3.1.1 has no word for it but the end of the connection.
    if (taken.size >= maxTaken) throw new Error(`${maxTaken} messages of QoS 2 wait for their PUBREL`);
    const also = session ? [{ op: 'receive', client: client.id, packet: messageId } as const] : [];
    const done = accept(also);
    taken.set(messageId, done);
    this.#firsts.add(packet);
    try {
      await done;
    } catch (error) {
      taken.delete(messageId);
      throw error;
    }
  }

  async setup(): Promise<void> {
    await Promise.resolve();
  }

  createRetainedStreamCombi(filters: readonly string[]): Readable {
    return Readable.from(this.#options.retained.matching(filters));
  }

  /** Asked once for every filter that was granted, each time with all filters of the packet. */
  async addSubscriptions(client: Client, asked: readonly Subscription[]): Promise<void> {
    const { book, granted } = this.#options;
    const session = book.get(client.id);
    if (!session) return;
    const subscriptions = asked.flatMap(({ topic: filter }) => {
      const qos = granted(client, filter);
      return qos === undefined ? [] : [{ filter, qos }];
    });
    await book.subscribe(session, subscriptions);
  }

  async removeSubscriptions(client: Client, filters: readonly string[]): Promise<void> {
    const { book } = this.#options;
    const session = book.get(client.id);
    if (session) await book.unsubscribe(session, filters);
  }

  /** A client that wants a session begins here. */
  async subscriptionsByClient({ id }: Id): Promise<{ readonly topic: string; readonly qos: Qos }[]> {
    const { book } = this.#options;
    const { session, present } = await book.open(id);
    // It went meanwhile.
    if (!this.#owners.has(id)) book.leave(session);
    if (!present) return [];
    const found = [...session.subscriptions].map(([topic, qos]) => ({ topic, qos }));
    return [...found, { topic: placeholder, qos: 0 }];
  }

  /** A client that wants none: what it left is forgotten [MQTT-3.1.2-6]. */
  async cleanSubscriptions({ id }: Id): Promise<void> {
    const { book } = this.#options;
    if (book.get(id)) await book.end([id]);
  }

  /** [MQTT-4.3.3-1] What a client received is on disk as such before it is told to release it. */
  async outgoingUpdate({ id: client }: Id, { cmd, messageId = 0 }: PacketOf): Promise<void> {
    if (cmd !== 'pubrel') return;
    const id = this.#feeds.get(client)?.find(messageId);
    if (id !== undefined) await this.#options.store.commit([{ op: 'release', client, id }]);
  }

  /** PUBACK and PUBCOMP. Nobody waits for the disk: a message that is not forgotten is sent again. */
  async outgoingClearMessageId({ id, clean }: Acknowledgement, { messageId }: PacketOf): Promise<void> {
    await Promise.resolve();
    const feed = clean === true ? undefined : this.#feeds.get(id);
    if (!feed || messageId === undefined) return;
    const message = feed.find(messageId);
    if (message === undefined) return;
    feed.settle(messageId);
    const settled = this.#settled.get(id);
    if (settled) settled.push(message);
    else this.#settled.set(id, [message]);
    if (this.#settled.size === 1 && !settled) setImmediate(() => this.flush());
  }

  /** Forgets what clients have. */
  flush(): void {
    const operations = [...this.#settled].map(([client, ids]) => ({ op: 'settle', client, ids }) as const);
    this.#settled.clear();
    this.#inBackground(operations);
  }

  /** [MQTT-4.4.0-1] Called after CONNACK. Everything is sent by the feed, which knows each message before it is acknowledged. */
  outgoingStream(client: AedesClient): Readable {
    const { book, store, logger } = this.#options;
    const session = client.clean ? undefined : book.get(client.id);
    if (!session || client.closed) return Readable.from([]);
    const former = this.#feeds.get(client.id);
    if (former) this.#endFeed(client.id, former);
    const feed = new SessionFeed({ client, store, sentBefore: session.sentUpTo, logger });
    this.#feeds.set(client.id, feed);
    return Readable.from([]);
  }

  async incomingGetPacket(client: Client, packet: PacketOf): Promise<object> {
    await Promise.resolve();
    const taken = this.#takenBy(client, this.#sessionOf(client)).get(packet.messageId ?? 0);
    // The message itself is no repetition.
    if (!taken || this.#firsts.has(packet)) throw new Error('no such packet');
    return packet;
  }

  /** It was stored when it was taken. */
  async incomingStorePacket(): Promise<void> {
    await Promise.resolve();
  }

  /** PUBCOMP after this says that the identifier may be used again. */
  async incomingDelPacket(client: Client, { messageId = 0 }: PacketOf): Promise<void> {
    const session = this.#sessionOf(client);
    const isKnown = this.#takenBy(client, session).delete(messageId);
    if (!session || !isKnown) return;
    await this.#options.store.commit([{ op: 'complete', client: client.id, packet: messageId }]);
  }

  /** The agent may die before the client: its will is on disk before CONNACK. */
  async putWill(owner: Client, will: PublishPacket): Promise<void> {
    if (owner.closed) return;
    const { topic, qos, retain } = will;
    const payload = Buffer.from(will.payload);
    this.#wills.set(owner.id, { owner, will });
    await this.#options.store.commit([
      {
        ...{ op: 'putWill', client: owner.id, name: nameOf(owner.id) },
        message: { topic, payload, qos, retain },
      },
    ]);
  }

  async getWill({ id }: Id): Promise<PublishPacket | undefined> {
    await Promise.resolve();
    return this.#wills.get(id)?.will;
  }

  /** Also asked by a connection that was taken over, when the will is the new one's already. */
  async delWill(client: Id): Promise<PublishPacket | undefined> {
    const known = this.#wills.get(client.id);
    if (!known || (known.owner !== client && !known.owner.closed)) return undefined;
    this.#wills.delete(client.id);
    await this.#options.store.commit([{ op: 'forgetWill', client: client.id }]);
    return known.will;
  }

  /** Those of other brokers: there are none. */
  streamWill(): Readable {
    return Readable.from([]);
  }

  async destroy(): Promise<void> {
    await Promise.resolve();
  }

  #sessionOf(client: Client): Session | undefined {
    return client.clean ? undefined : this.#options.book.get(client.id);
  }

  #takenBy(client: Client, session: Session | undefined): Taken {
    const known = session?.taken ?? this.#taken.get(client);
    if (known) return known;
    const taken: Taken = new Map();
    this.#taken.set(client, taken);
    return taken;
  }

  #endFeed(clientId: string, feed: SessionFeed): void {
    const session = this.#options.book.get(clientId);
    if (session) session.sentUpTo = feed.sentUpTo;
    feed.close();
    this.#feeds.delete(clientId);
  }

  #inBackground(operations: readonly Operation[]): void {
    const { store, logger } = this.#options;
    store
      .commit(operations)
      .catch((error: unknown) => logger.warn('mqtt.session.unsaved', { error: errorMessage(error) }));
  }
}

import type { Logger } from '../../../lib/logger.ts';
import { topicMatches } from '../../../lib/topic-filter.ts';
import type { RelayColumns } from '../../protocol/relay-batch.ts';
import type { DeviceAddress } from '../../protocol/topics.ts';
import { publishPackets, type TopicQos } from './publish-packets.ts';

/** A stored batch on its way to subscribers. */
export type RepublishedSegment = {
  readonly id: number;
  readonly source: DeviceAddress;
  readonly columns: RelayColumns;
};

/** The connection of a subscriber. */
export type SubscriberLink = {
  readonly name: string;
  /** Packet identifiers that it shares with whatever else the broker sends. */
  nextId(): number;
  /** Takes the bytes; false when it wants no more before `drained`. */
  write(bytes: Uint8Array): boolean;
  /** Resolves when it wants more or has ended. */
  drained(): Promise<void>;
  close(): void;
};

export type RepublisherOptions = {
  readonly logger: Logger;
  /** The next stored segment behind `id`, undefined when there is none. */
  readonly readNext: (id: number) => Promise<RepublishedSegment | undefined>;
  /** The id of the newest segment when this begins. */
  readonly newestId: number;
  /** A subscriber that neither reads nor acknowledges for this long is disconnected. */
  readonly stallMs?: number;
};

/** Messages at QoS 1 that a subscriber has not acknowledged; with those of one more segment fewer than packet identifiers. */
const inFlightMessages = 16_384;
/** Characters of segments kept in memory for subscribers that are up to date. */
const recentChars = 16 * 2 ** 20;
const defaultStallMs = 30_000;

/** Where its sending stands; other turns of the event loop change it. */
type Subscriber = {
  readonly link: SubscriberLink;
  readonly filters: Map<string, 0 | 1>;
  /** Everything up to this segment was sent, or was there before it subscribed. */
  position: number;
  inFlight: number;
  sending: boolean;
  ended: boolean;
  acknowledged: PromiseWithResolvers<undefined> | undefined;
};

/**
 * Publishes stored messages again to whoever is subscribed, in order of storing. Each subscriber has a position of its own:
 * one that is up to date is sent what was just committed, a slower one what it has not had yet from the database, as fast as
 * it takes it. So memory is bounded, storing waits for nobody, and a connected subscriber misses nothing: when retention
 * overtakes it, or it stalls, it is disconnected. Without subscribers this costs nothing.
 */
export class Republisher {
  readonly #options: RepublisherOptions;
  readonly #subscribers = new Map<object, Subscriber>();
  #newestId: number;
  #recent: RepublishedSegment[] = [];
  #recentChars = 0;

  constructor(options: RepublisherOptions) {
    this.#options = options;
    this.#newestId = options.newestId;
  }

  /** From now on; `key` stands for the connection. */
  subscribe(key: object, link: SubscriberLink, filter: string, qos: 0 | 1): void {
    const known = this.#subscribers.get(key);
    if (known) {
      known.filters.set(filter, qos);
      return;
    }
    this.#subscribers.set(key, {
      ...{ link, filters: new Map([[filter, qos]]), position: this.#newestId },
      ...{ inFlight: 0, sending: false, ended: false, acknowledged: undefined },
    });
  }

  unsubscribe(key: object, filter: string): void {
    const subscriber = this.#subscribers.get(key);
    subscriber?.filters.delete(filter);
    if (subscriber?.filters.size === 0) this.remove(key);
  }

  /** The connection has ended. */
  remove(key: object): void {
    const subscriber = this.#subscribers.get(key);
    if (!subscriber) return;
    this.#subscribers.delete(key);
    subscriber.ended = true;
    subscriber.acknowledged?.resolve(undefined);
    if (this.#subscribers.size === 0) this.#forget();
  }

  /** The subscriber acknowledged a message. */
  acknowledge(key: object): void {
    const subscriber = this.#subscribers.get(key);
    if (!subscriber || subscriber.inFlight === 0) return;
    subscriber.inFlight -= 1;
    subscriber.acknowledged?.resolve(undefined);
    subscriber.acknowledged = undefined;
  }

  /** What was just committed, in order. Does not wait. */
  offer(segments: readonly RepublishedSegment[]): void {
    this.#newestId = segments.at(-1)?.id ?? this.#newestId;
    if (this.#subscribers.size === 0) return;
    for (const segment of segments) this.#remember(segment);
    for (const subscriber of this.#subscribers.values()) {
      if (!subscriber.sending) void this.#send(subscriber);
    }
  }

  #remember(segment: RepublishedSegment): void {
    this.#recent.push(segment);
    this.#recentChars += sizeOf(segment);
    while (this.#recentChars > recentChars && this.#recent.length > 1) {
      const oldest = this.#recent.shift();
      if (oldest) this.#recentChars -= sizeOf(oldest);
    }
  }

  #forget(): void {
    this.#recent = [];
    this.#recentChars = 0;
  }

  async #send(subscriber: Subscriber): Promise<void> {
    subscriber.sending = true;
    const { link } = subscriber;
    try {
      while (!subscriber.ended && subscriber.position < this.#newestId) {
        const segment = this.#inMemory(subscriber.position) ?? (await this.#read(subscriber.position));
        if (hasEnded(subscriber)) break;
        const wantsMore = deliver(subscriber, segment);
        subscriber.position = segment.id;
        if (!wantsMore) await this.#patiently(link.drained());
        while (subscriber.inFlight >= inFlightMessages && !hasEnded(subscriber)) {
          subscriber.acknowledged ??= Promise.withResolvers();
          await this.#patiently(subscriber.acknowledged.promise);
        }
      }
    } catch (error) {
      this.#options.logger.warn('republish.disconnected', { subscriber: link.name, error });
      link.close();
    }
    subscriber.sending = false;
  }

  #inMemory(position: number): RepublishedSegment | undefined {
    const first = this.#recent[0]?.id ?? Number.POSITIVE_INFINITY;
    // Ids follow each other without holes, except where retention made some.
    return position + 1 >= first ? this.#recent[position + 1 - first] : undefined;
  }

  async #read(position: number): Promise<RepublishedSegment> {
    const segment = await this.#options.readNext(position);
    if (segment?.id === position + 1) return segment;
    throw new Error(`Messages were removed before they were sent: segment ${position + 1}`);
  }

  /** Rejects when nothing happens for too long. */
  async #patiently(progress: Promise<unknown>): Promise<void> {
    const { stallMs = defaultStallMs } = this.#options;
    const stalled = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => stalled.reject(new Error(`The subscriber took nothing for ${stallMs} ms`)),
      stallMs,
    ).unref();
    try {
      await Promise.race([progress, stalled.promise]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Asked anew after each wait. */
const hasEnded = ({ ended }: Subscriber): boolean => ended;

function deliver(subscriber: Subscriber, { source, columns }: RepublishedSegment): boolean {
  const { link, filters } = subscriber;
  const qosOf: TopicQos = (topic) => {
    let best: -1 | 0 | 1 = -1;
    // [MQTT-3.3.5-1] once, at the highest QoS of the filters that match
    for (const [filter, qos] of filters) if (qos > best && topicMatches(filter, topic)) best = qos;
    return best;
  };
  const packets = publishPackets(source, columns, { qosOf, nextId: () => link.nextId() });
  if (packets.count === 0) return true;
  subscriber.inFlight += packets.acknowledged;
  return link.write(packets.bytes);
}

function sizeOf({ columns }: RepublishedSegment): number {
  let chars = 0;
  for (const text of columns.data) chars += text.length + 32;
  for (const name of columns.topicNames) chars += name.length;
  for (const { type } of columns.types) chars += type.length;
  return chars;
}

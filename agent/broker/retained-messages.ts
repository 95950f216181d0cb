import { topicMatches } from '../../lib/topic-filter.ts';

export type Retained = {
  readonly cmd: 'publish';
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: 0 | 1 | 2;
};

/** The last message of each topic that was published to be kept. The store has them too; it bounds their number. */
export class RetainedMessages {
  readonly #messages = new Map<string, Retained>();

  /** An empty payload forgets the topic [MQTT-3.3.1-10]. */
  put({ topic, payload, qos }: Omit<Retained, 'cmd'>): void {
    if (payload.byteLength === 0) this.#messages.delete(topic);
    else this.#messages.set(topic, { cmd: 'publish', topic, payload: ownCopy(payload), qos });
  }

  /** Each at most once. */
  *matching(filters: readonly string[]): Generator<Retained> {
    for (const message of this.#messages.values())
      if (filters.some((filter) => topicMatches(filter, message.topic))) yield message;
  }
}

/** A payload is a part of what was read with it, which would stay in memory as a whole. */
function ownCopy(payload: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(payload.byteLength);
  payload.copy(copy);
  return copy;
}

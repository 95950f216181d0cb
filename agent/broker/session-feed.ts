import type { Logger } from '../../lib/logger.ts';
import { errorMessage } from '../../lib/error-code.ts';
import type { LocalStore } from '../streams/local-store.ts';
import type { SessionMessage } from '../streams/session-operations.ts';
import type { AedesClient } from './aedes-client.ts';

/** Messages that are sent and not acknowledged, and their bytes; one is sent whatever its size. */
export const sessionWindow = { limit: 100, maxBytes: 2 * 2 ** 20 } as const;
const { limit: maxInFlight, maxBytes: maxInFlightBytes } = sessionWindow;

export type SessionFeedOptions = {
  readonly client: AedesClient;
  readonly store: Pick<LocalStore, 'sessionMessages'>;
  /** Up to this message some were sent over an earlier connection: they are marked as repeated [MQTT-3.3.1-1]. */
  readonly sentBefore: number;
  readonly logger: Logger;
};

type Sent = { readonly id: number; readonly bytes: number };

/**
 * Sends what waits in a session to its client, in order: from the commit that brought it while the client keeps up, else from
 * disk. A window of messages without an acknowledgement bounds what a client costs, however much waits for it.
 */
export class SessionFeed {
  readonly #options: SessionFeedOptions;
  /** By packet identifier. */
  readonly #inFlight = new Map<number, Sent>();
  #inFlightBytes = 0;
  #sentUpTo = 0;
  #behind = true;
  #reading = false;
  #state: 'waiting' | 'sending' | 'closed' = 'waiting';

  constructor(options: SessionFeedOptions) {
    this.#options = options;
  }

  /** The last message that was sent, now or over an earlier connection. */
  get sentUpTo(): number {
    return Math.max(this.#sentUpTo, this.#options.sentBefore);
  }

  isOf(client: object): boolean {
    return this.#options.client === client;
  }

  /** The client is ready for messages. */
  start(): void {
    if (this.#state !== 'waiting') return;
    this.#state = 'sending';
    void this.#read();
  }

  close(): void {
    this.#state = 'closed';
    this.#inFlight.clear();
  }

  /** Messages that were just committed. */
  offer(messages: readonly SessionMessage[]): void {
    // What is behind is read from disk, these with it.
    if (this.#state !== 'sending' || this.#behind) return;
    for (const message of messages) {
      // Read while its commit was being synced, before it was told of.
      if (message.id <= this.#sentUpTo) continue;
      if (!this.#hasRoom(message)) {
        this.#behind = true;
        return;
      }
      this.#send(message);
    }
  }

  /** The id of the message that was sent with this packet identifier. */
  find(packet: number): number | undefined {
    return this.#inFlight.get(packet)?.id;
  }

  /** The client has it: makes room for more. */
  settle(packet: number): void {
    const sent = this.#inFlight.get(packet);
    if (!sent) return;
    this.#inFlight.delete(packet);
    this.#inFlightBytes -= sent.bytes;
    if (this.#behind && this.#inFlight.size <= maxInFlight / 2) void this.#read();
  }

  async #read(): Promise<void> {
    if (this.#reading) return;
    this.#reading = true;
    const { client, store, logger } = this.#options;
    try {
      while (this.#isSending() && this.#behind && this.#inFlight.size < maxInFlight) {
        const messages = await store.sessionMessages({
          ...{ client: client.id, after: this.#sentUpTo },
          ...{ limit: maxInFlight - this.#inFlight.size, maxBytes: maxInFlightBytes },
        });
        if (!this.#isSending()) return;
        const fitting = this.#sendFitting(messages);
        // Nothing can have been committed since the read: that takes another turn of the event loop.
        if (messages.length === 0) this.#behind = false;
        if (fitting < messages.length) return;
      }
    } catch (error) {
      // Its messages stay on disk; a client without them had better come again.
      logger.warn('mqtt.session.unread', { client: client.id, error: errorMessage(error) });
      client.close();
    } finally {
      this.#reading = false;
    }
  }

  #isSending(): boolean {
    return this.#state === 'sending';
  }

  #sendFitting(messages: readonly SessionMessage[]): number {
    for (const [index, message] of messages.entries()) {
      if (!this.#hasRoom(message)) return index;
      this.#send(message);
    }
    return messages.length;
  }

  #hasRoom({ packet, payload }: SessionMessage): boolean {
    const { size } = this.#inFlight;
    if (size === 0) return true;
    // An identifier is not used again while its former message is under way [MQTT-2.3.1-4].
    if (size >= maxInFlight || this.#inFlight.has(packet)) return false;
    return this.#inFlightBytes + payload.byteLength <= maxInFlightBytes;
  }

  #send({ id, packet, topic, payload, qos, retain, released }: SessionMessage): void {
    const { client, sentBefore } = this.#options;
    this.#sentUpTo = id;
    this.#inFlight.set(packet, { id, bytes: payload.byteLength });
    this.#inFlightBytes += payload.byteLength;
    if (released) {
      client.conn.write(pubrel(packet));
      return;
    }
    const message = { cmd: 'publish', topic, payload: Buffer.from(payload), qos, retain } as const;
    client.deliverQoS({ ...message, dup: id <= sentBefore, messageId: packet, fed: true }, () => undefined);
  }
}

/** [MQTT-3.6.1-1] aedes has no way to send one by itself. */
function pubrel(packet: number): Buffer {
  return Buffer.from([0x62, 2, packet >> 8, packet & 0xff]);
}

/** One message of a publisher, from its first PUBLISH on. */
export type SentMessage = {
  /** `publisher:n`: what its payload begins with. */
  readonly id: string;
  readonly publisher: string;
  /** Counts the publisher's messages from 1. */
  readonly n: number;
  readonly stream: string;
  readonly qos: 1 | 2;
  /** How often its PUBLISH went out, repetitions after a reconnection included. */
  sends: number;
  /** How often the publisher began anew, as its library had given the message up. */
  publications: number;
  acked: boolean;
};

/** What all publishers sent and which of it was acknowledged: what the rest of the system is held to. */
export class SentMessages {
  readonly #byId = new Map<string, SentMessage>();
  /** Of the newest PUBACK or PUBCOMP, as `performance.now()` says. */
  lastAckMs = 0;
  acked = 0;

  begin(message: Omit<SentMessage, 'id' | 'sends' | 'publications' | 'acked'>): SentMessage {
    const id = `${message.publisher}:${message.n}`;
    const sent = { ...message, id, sends: 0, publications: 0, acked: false };
    this.#byId.set(id, sent);
    return sent;
  }

  acknowledge(message: SentMessage): void {
    message.acked = true;
    this.acked += 1;
    this.lastAckMs = performance.now();
  }

  get(id: string): SentMessage | undefined {
    return this.#byId.get(id);
  }

  all(): SentMessage[] {
    return [...this.#byId.values()];
  }
}

/** A payload of `bytes` that says which message it is. */
export function payloadOf(id: string, bytes: number): string {
  return `${id}:`.padEnd(bytes, 'x');
}

export function idOf(payload: Uint8Array): string {
  const [publisher = '', n = ''] = Buffer.from(payload).toString('utf8', 0, 64).split(':');
  return `${publisher}:${n}`;
}

import type { DatabaseSync } from 'node:sqlite';
import type { SessionMessage } from './session-operations.ts';

export type SessionState = {
  /** The client's name in the manifest. */
  readonly name: string;
  /** Since when, milliseconds since 1970; null while it is connected. */
  readonly away: number | null;
  readonly messages: number;
  readonly bytes: number;
  /** Messages that had to make room, since the session began. */
  readonly dropped: number;
  /** Packet identifier of the next message. */
  readonly nextPacket: number;
};

export type SessionCounts = {
  of(client: string): SessionState | undefined;
  all(): Iterable<readonly [client: string, state: SessionState]>;
  readonly count: number;
  /** Of all sessions. */
  readonly bytes: number;
};

/** Numbers about sessions; see `Ledger`. */
export class SessionLedger implements SessionCounts {
  readonly #sessions = new Map<string, SessionState>();
  #bytes = 0;

  static load(database: DatabaseSync): SessionLedger {
    const ledger = new SessionLedger();
    const rows = database
      .prepare(
        `SELECT client, name, away, dropped,
           (SELECT count(*) FROM session_messages m WHERE m.client = s.client) AS messages,
           (SELECT coalesce(sum(size), 0) FROM session_messages m WHERE m.client = s.client) AS bytes,
           (SELECT packet FROM session_messages m WHERE m.client = s.client ORDER BY id DESC LIMIT 1) AS last
         FROM sessions s`,
      )
      .all();
    for (const row of rows)
      ledger.#put(String(row.client), {
        name: String(row.name),
        away: row.away === null ? null : Number(row.away),
        messages: Number(row.messages),
        bytes: Number(row.bytes),
        dropped: Number(row.dropped),
        nextPacket: packetAfter(Number(row.last ?? 0)),
      });
    return ledger;
  }

  of(client: string): SessionState | undefined {
    return this.#sessions.get(client);
  }
  all(): Iterable<readonly [string, SessionState]> {
    return this.#sessions;
  }
  get count(): number {
    return this.#sessions.size;
  }
  get bytes(): number {
    return this.#bytes;
  }

  accept(draft: SessionDraft): void {
    for (const [client, state] of draft.changed) this.#put(client, state);
  }

  #put(client: string, state: SessionState | undefined): void {
    this.#bytes += (state?.bytes ?? 0) - (this.#sessions.get(client)?.bytes ?? 0);
    if (state) this.#sessions.set(client, state);
    else this.#sessions.delete(client);
  }
}

/** The changes of one transaction. */
export class SessionDraft implements SessionCounts {
  /** Undefined is one that ended. */
  readonly changed = new Map<string, SessionState | undefined>();
  /** New messages by client, in the order of their ids. */
  readonly arrived = new Map<string, SessionMessage[]>();
  readonly #base: SessionCounts;
  #bytes: number;

  constructor(base: SessionCounts) {
    this.#base = base;
    this.#bytes = base.bytes;
  }

  of(client: string): SessionState | undefined {
    return this.changed.has(client) ? this.changed.get(client) : this.#base.of(client);
  }

  *all(): Iterable<readonly [string, SessionState]> {
    for (const [client, state] of this.#base.all()) if (!this.changed.has(client)) yield [client, state];
    for (const [client, state] of this.changed) if (state) yield [client, state];
  }

  get count(): number {
    return [...this.all()].length;
  }
  get bytes(): number {
    return this.#bytes;
  }

  put(client: string, state: SessionState | undefined): void {
    this.#bytes += (state?.bytes ?? 0) - (this.of(client)?.bytes ?? 0);
    this.changed.set(client, state);
    if (!state) this.arrived.delete(client);
  }

  arrive(client: string, message: SessionMessage): void {
    const messages = this.arrived.get(client);
    if (messages) messages.push(message);
    else this.arrived.set(client, [message]);
  }
}

/** 1 to 65535, and 1 again [MQTT-2.3.1-1]. */
export function packetAfter(packet: number): number {
  return (packet % 65_535) + 1;
}

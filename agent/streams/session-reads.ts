import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type {
  SessionContent,
  SessionMessage,
  SessionSubscription,
  StoredWill,
} from './session-operations.ts';

export type SessionPageQuery = {
  readonly client: string;
  /** Behind the message with this id. */
  readonly after: number;
  readonly limit: number;
  /** Stops after the message that reaches this; at least one comes. */
  readonly maxBytes: number;
};

/** A session as it was left. */
export type StoredSession = {
  readonly client: string;
  readonly subscriptions: readonly SessionSubscription[];
  /** Packet identifiers of QoS 2 messages that were taken and not yet released. */
  readonly received: readonly number[];
};

type Row = Record<string, unknown>;

/** Reads of what the local broker remembers. */
export function prepareSessionReads(database: DatabaseSync) {
  const sql = (text: string): StatementSync => database.prepare(text);
  const sessions = sql('SELECT client FROM sessions');
  const subscriptions = sql('SELECT filter, qos FROM session_subscriptions WHERE client = ?');
  const received = sql('SELECT packet FROM session_received WHERE client = ?');
  const page = sql('SELECT * FROM session_messages WHERE client = ? AND id > ? ORDER BY id LIMIT ?');
  const wills = sql('SELECT * FROM session_wills');
  return {
    sessions: (): StoredSession[] =>
      sessions.all().map((row) => {
        const client = String(row.client);
        return {
          client,
          subscriptions: subscriptions.all(client).map(subscriptionOf),
          received: received.all(client).map(({ packet }) => Number(packet)),
        };
      }),
    sessionMessages: ({ client, after, limit, maxBytes }: SessionPageQuery): SessionMessage[] => {
      const messages: SessionMessage[] = [];
      let bytes = 0;
      for (const row of page.iterate(client, after, limit)) {
        messages.push(messageOf(row));
        bytes += Number(row.size);
        if (bytes >= maxBytes) break;
      }
      return messages;
    },
    wills: (): StoredWill[] =>
      wills.all().map((row) => ({
        ...{ client: String(row.client), name: String(row.name), message: contentOf(row) },
      })),
  };
}

function subscriptionOf(row: Row): SessionSubscription {
  return { filter: String(row.filter), qos: Number(row.qos) as 0 | 1 | 2 };
}

function messageOf(row: Row): SessionMessage {
  const { id, packet, released } = row;
  return { ...contentOf(row), id: Number(id), packet: Number(packet), released: Number(released) === 1 };
}

function contentOf({ topic, payload, qos, retain }: Row): SessionContent {
  return {
    topic: String(topic),
    payload: payload as Uint8Array,
    qos: Number(qos) as 0 | 1 | 2,
    retain: Number(retain) === 1,
  };
}

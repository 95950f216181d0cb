import type { SessionOperation } from './session-operations.ts';
import type { StreamMessage, StreamOperation } from './stream-operations.ts';
import type { TriggerOperation } from './trigger-operations.ts';

export type * from './stream-operations.ts';

/** A change of the local store, as plain data: it could cross to a worker thread unchanged. */
export type Operation =
  | TriggerOperation
  | StreamOperation
  | SessionOperation
  | { readonly op: 'enqueue'; readonly event: NewEvent; readonly capacity: number }
  /** This, `postpone` and `bury` refuse everything that is committed together with them when the event is gone before the unit. */
  | ({ readonly op: 'finish' } & EventPlace)
  | ({
      readonly op: 'postpone';
      readonly attempts: number;
      readonly notBefore: number;
    } & EventPlace)
  | ({
      readonly op: 'bury';
      readonly attempts: number;
      readonly time: number;
      readonly error: FailureNote;
    } & EventPlace)
  | {
      readonly op: 'put';
      readonly store: string;
      readonly key: string;
      readonly value: Uint8Array;
      /** Milliseconds since 1970; from then on it is not seen. */
      readonly expires?: number | undefined;
    }
  | { readonly op: 'remove'; readonly store: string; readonly key: string }
  /**
   * Refuses everything that is committed together with it when the key has another value at `time` (`null`: when it has one).
   * Looked at before any other operation of its unit.
   */
  | {
      readonly op: 'check';
      readonly store: string;
      readonly key: string;
      readonly expected: Uint8Array | null;
      readonly time: number;
    }
  /** Deletes expired values, at most `limit`. */
  | { readonly op: 'sweep'; readonly before: number; readonly limit: number }
  /** Gives the messages of a queue that one function has to another, in their order and with new ids. */
  | { readonly op: 'adopt'; readonly queue: string; readonly from: string; readonly to: string }
  | { readonly op: 'retain'; readonly message: RetainedMessage };

/** An empty payload forgets the topic [MQTT-3.3.1-10]. */
export type RetainedMessage = StreamMessage & { readonly qos: 0 | 1 | 2 };

export type EventKind = 'message' | 'scheduled' | 'queue' | 'file';

export type NewEvent = {
  readonly function: string;
  /** `topic` holds the cron expression of a scheduled event, the name of the queue of a queued message. */
  readonly kind: EventKind;
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly contentType?: string | undefined;
  /** Milliseconds since 1970. */
  readonly time: number;
  /** How many functions it went through to come here. */
  readonly hops: number;
  /** Milliseconds since 1970; left out when it may run at once. */
  readonly notBefore?: number | undefined;
};

/** A queued event. In its page, if it came in one and did not move to a row of its own since; an id is in one place only. */
export type EventPlace = {
  readonly id: number;
  readonly function: string;
  readonly page?: number | undefined;
};

export type QueuedEvent = NewEvent &
  EventPlace & {
    readonly attempts: number;
    /** Milliseconds since 1970; 0 when it may run at once. */
    readonly notBefore: number;
  };

export type FailureNote = { readonly code: string; readonly message: string };

/** What a row costs beyond its payload, topic and key, in round numbers. */
const rowBytes = 64;

export function messageBytes({
  topic,
  payload,
  key = '',
}: {
  topic: string;
  payload: Uint8Array;
  key?: string | undefined;
}): number {
  return rowBytes + topic.length + payload.byteLength + key.length;
}

export function operationBytes(operation: Operation): number {
  switch (operation.op) {
    case 'append':
    case 'retain':
    case 'deliver':
    case 'putWill':
      return messageBytes(operation.message);
    case 'enqueue':
      return messageBytes(operation.event);
    case 'put':
      return rowBytes + operation.key.length + operation.value.byteLength;
    case 'check':
      return rowBytes + operation.key.length + (operation.expected?.byteLength ?? 0);
    case 'see':
      return rowBytes + operation.path.length;
    case 'finish':
    case 'postpone':
    case 'bury':
    case 'remove':
    case 'sweep':
    case 'adopt':
    case 'acknowledge':
    case 'advance':
    case 'seek':
    case 'forgetConsumer':
    case 'expire':
    case 'trim':
    case 'empty':
    case 'compact':
    case 'plan':
    case 'pause':
    case 'resume':
    case 'spend':
    case 'redeliver':
    case 'forgetFiles':
    case 'discard':
    case 'openSession':
    case 'leaveSession':
    case 'endSession':
    case 'subscribe':
    case 'unsubscribe':
    case 'settle':
    case 'release':
    case 'receive':
    case 'complete':
    case 'forgetWill':
      return rowBytes;
    default:
      return operation satisfies never;
  }
}

/** Changes of streams and of who reads them. */
export type StreamOperation =
  | { readonly op: 'append'; readonly stream: string; readonly time: number; readonly message: StreamMessage }
  /** The cloud has every message up to `seq`. */
  | {
      readonly op: 'acknowledge';
      readonly stream: string;
      readonly seq: number;
      readonly spent: DailyBytes | undefined;
    }
  /**
   * A consumer has done with every message up to `seq`; its cursor only goes forward, and is made where there is none.
   * Together with `enqueue`s, an event is queued exactly once.
   */
  | ({ readonly op: 'advance'; readonly spent?: DailyBytes | undefined } & ConsumerPlace)
  /** A consumer goes on behind `seq`, before or after where it is. */
  | ({ readonly op: 'seek' } & ConsumerPlace)
  | { readonly op: 'forgetConsumer'; readonly stream: string; readonly consumer: string }
  /** Drops the oldest messages, `limit` at most (all when left out), that are older than `before`. */
  | {
      readonly op: 'expire';
      readonly stream: string;
      readonly before: number;
      readonly limit?: number | undefined;
    }
  /** Drops the oldest messages of a stream, `limit` at most, whoever has not read them; with the last of them its gap records. */
  | { readonly op: 'empty'; readonly stream: string; readonly limit: number }
  /** Drops the oldest messages of a stream that holds more bytes than it may: a slice, as any commit that touches it does. */
  | { readonly op: 'trim'; readonly stream: string }
  /**
   * Looks at `limit` messages behind `after`: of each, that one and the one of its key before it are dropped if they are
   * older than `before` and have a newer one of their key.
   */
  | {
      readonly op: 'compact';
      readonly stream: string;
      readonly before: number;
      readonly limit: number;
      /** 0 when left out. */
      readonly after?: number | undefined;
    };

/**
 * `consumer` is a name from the manifest, or `function:NAME`, `bridge:NAME/INDEX` for what this agent reads by itself.
 * `seq` is 0 for the very beginning.
 */
type ConsumerPlace = { readonly stream: string; readonly consumer: string; readonly seq: number };

export type StreamMessage = {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly contentType?: string | undefined;
  /** By what messages of a compacted stream are told apart. */
  readonly key?: string | undefined;
  /** How many functions it went through to come here; 0 when left out. */
  readonly hops?: number | undefined;
  /** The bridge it came in over, which it does not go out over again. */
  readonly origin?: string | undefined;
};

export type GapReason = 'ttl' | 'bytes' | 'age' | 'budget' | 'disk' | 'compacted';

export type StreamRecord = { readonly seq: number; readonly time: number } & (
  | { readonly gap: undefined; readonly message: StreamMessage }
  | { readonly gap: { readonly count: number; readonly reason: GapReason } }
);

/** Bytes sent on one UTC day, `2026-01-31`. */
export type DailyBytes = { readonly day: string; readonly bytes: number };

/**
 * How a stream is kept. Readers are the cloud, when `relayed`, and `consumers`: a message that is dropped before all of
 * them had it leaves a gap record; `keepRead` decides whether one that all had stays.
 */
export type StreamPolicy = {
  readonly maxBytes: number;
  readonly relayed: boolean;
  readonly consumers: readonly string[];
  readonly keepRead: boolean;
};

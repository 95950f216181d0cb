/** A message of an MQTT trigger. Delivered at least once: make the handler idempotent. */
export type MessageEvent = {
  readonly type: 'message';
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly contentType?: string;
  /** When the device took the message; RFC 3339, UTC. */
  readonly time: string;
  /** The payload as UTF-8; invalid bytes become U+FFFD. */
  text(): string;
  /** The payload parsed as JSON; throws SyntaxError. */
  json(): unknown;
};

/** A cron trigger, as in Workers. */
export type ScheduledController = {
  readonly type: 'scheduled';
  readonly cron: string;
  /** Milliseconds since 1970, UTC: the time that was planned, not the time it runs. */
  readonly scheduledTime: number;
  /** Should this run fail, it becomes a dead letter instead of being tried again. */
  noRetry(): void;
};
export type ScheduledEvent = ScheduledController;

export type QueueRetryOptions = {
  /** Seconds until the next delivery, at most 43,200; by default the pauses of the trigger. */
  readonly delaySeconds?: number;
};

/** A message of a queue, as in Workers. */
export type QueueMessage<Body = unknown> = {
  readonly id: string;
  /** When it was sent. */
  readonly timestamp: Date;
  /** JSON parsed, text as a string, everything else an ArrayBuffer. Reading it throws SyntaxError when it is no JSON. */
  readonly body: Body;
  /** Deliveries, this one included. */
  readonly attempts: number;
  ack(): void;
  retry(options?: QueueRetryOptions): void;
};

/**
 * Messages of a queue, oldest first, as in Workers. When the handler succeeds, those that are not to be retried are done; when it
 * fails, all are delivered again, because what it published and wrote is undone. The first word about a message counts, and more
 * than what is said of all.
 */
export type QueueBatch<Body = unknown> = {
  readonly queue: string;
  readonly messages: readonly QueueMessage<Body>[];
  ackAll(): void;
  retryAll(options?: QueueRetryOptions): void;
};

/** A file of a volume. Delivered at least once. */
export type FileEvent = {
  readonly type: 'file';
  readonly volume: string;
  /** Relative to the volume, with `/`. */
  readonly path: string;
  readonly change: 'created' | 'modified' | 'deleted';
  /** Bytes; absent when deleted. */
  readonly size?: number;
  /** RFC 3339, UTC */
  readonly time: string;
};

/** The payload of `holdfast invoke`, as it is. */
export type InvokeEvent = Json;
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

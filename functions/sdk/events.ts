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
export type ScheduledEvent = {
  readonly type: 'scheduled';
  readonly cron: string;
  /** Milliseconds since 1970, UTC: the time that was planned, not the time it runs. */
  readonly scheduledTime: number;
};

/** The payload of `holdfast invoke`, as it is. */
export type InvokeEvent = Json;
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

import type { Payload, Safe } from '../types.ts';
import type { EventHeader, ShapeTools } from './shape.ts';

type Header = Extract<EventHeader, { kind: 'message' }>;

/** A message of an MQTT topic. */
export class TopicMessage {
  readonly type = 'message';
  readonly topic: string;
  declare readonly contentType?: string;
  /** RFC 3339 */
  readonly time: string;
  readonly #safe: Safe;
  readonly #payload: Payload;
  #bytes: Uint8Array | undefined;

  constructor({ safe }: Pick<ShapeTools, 'safe'>, { topic, time, contentType }: Header, payload: Payload) {
    this.#safe = safe;
    this.#payload = payload;
    this.topic = topic;
    if (contentType !== undefined) this.contentType = contentType;
    this.time = time;
  }

  get payload(): Uint8Array {
    return (this.#bytes ??= this.#payload.bytes());
  }

  text(): string {
    return this.#payload.text();
  }
  json(): unknown {
    return this.#safe.parse(this.#payload.text());
  }
}

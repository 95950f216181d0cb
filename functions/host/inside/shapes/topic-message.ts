import type { EventHeader, ShapeTools } from './shape.ts';

type Header = Extract<EventHeader, { kind: 'message' }>;

/** A message of an MQTT topic. */
export class TopicMessage {
  readonly type = 'message';
  readonly topic: string;
  readonly payload: Uint8Array;
  declare readonly contentType?: string;
  /** RFC 3339 */
  readonly time: string;
  readonly #tools: Pick<ShapeTools, 'safe' | 'text'>;

  constructor(
    tools: Pick<ShapeTools, 'safe' | 'text'>,
    { topic, time, contentType }: Header,
    payload: Uint8Array,
  ) {
    this.#tools = tools;
    this.topic = topic;
    this.payload = payload;
    if (contentType !== undefined) this.contentType = contentType;
    this.time = time;
  }

  text(): string {
    return this.#tools.text.decode(this.payload);
  }
  json(): unknown {
    return this.#tools.safe.parse(this.text());
  }
}

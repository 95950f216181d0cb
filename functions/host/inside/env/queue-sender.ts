import { concatBytes } from '../web/bytes.ts';
import { asBytes, encodeJson, encodeValue, type BoundCall, type EnvTools } from './encode.ts';

type SendOptions = { readonly contentType?: unknown; readonly delaySeconds?: unknown };
type BatchMessage = SendOptions & { readonly body: unknown };

/** As Workers have it. */
const maxBatch = 100;

/** `{ queue: name }` */
export class QueueSender {
  readonly #tools: EnvTools;
  readonly #call: BoundCall;

  constructor(tools: EnvTools, call: BoundCall) {
    this.#tools = tools;
    this.#call = call;
  }

  async send(body: unknown, { contentType, delaySeconds }: SendOptions = {}): Promise<void> {
    const message = encodeMessage(this.#tools, body, contentType);
    await this.#call('send', { contentType: message.contentType, delaySeconds }, message.payload);
  }

  /** All of them or none. `delaySeconds` here is for those that have none of their own. */
  async sendBatch(messages: Iterable<BatchMessage>, { delaySeconds }: SendOptions = {}): Promise<void> {
    const encoded = [];
    for (const { body, contentType, delaySeconds: own } of messages) {
      if (encoded.length === maxBatch) throw new TypeError(`sendBatch takes at most ${maxBatch} messages`);
      const { payload, contentType: type } = encodeMessage(this.#tools, body, contentType);
      const bytes = asBytes(this.#tools, payload);
      encoded.push({ bytes, contentType: type, delaySeconds: own ?? delaySeconds });
    }
    if (encoded.length === 0) return;
    const heads = encoded.map(({ bytes, ...head }) => ({ size: bytes.length, ...head }));
    await this.#call('sendBatch', { messages: heads }, concatBytes(encoded.map(({ bytes }) => bytes)));
  }
}

/** Content types are media types; the words of Workers stand for theirs. */
function encodeMessage(tools: EnvTools, body: unknown, contentType: unknown) {
  const bytes = tools.safe.bytesOf(body);
  switch (contentType) {
    case undefined:
      if (bytes) return { payload: bytes, contentType: 'application/octet-stream' };
      return { payload: encodeJson(tools.safe, body), contentType: 'application/json' };
    case 'json':
      return { payload: encodeJson(tools.safe, body), contentType: 'application/json' };
    case 'text':
      if (typeof body !== 'string') throw new TypeError('A message of content type text is a string');
      return { payload: body, contentType: 'text/plain' };
    case 'bytes':
      if (!bytes) throw new TypeError('A message of content type bytes is an ArrayBuffer or a Uint8Array');
      return { payload: bytes, contentType: 'application/octet-stream' };
    case 'v8':
      throw new TypeError('Content type v8 is not available: send JSON, text or bytes');
    default:
      if (typeof body === 'string') return { payload: body, contentType };
      return { payload: encodeValue(tools, body), contentType };
  }
}

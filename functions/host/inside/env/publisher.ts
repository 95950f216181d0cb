import { encode, type BoundCall, type EnvTools } from './encode.ts';

type PublishOptions = {
  readonly topic?: unknown;
  readonly retain?: unknown;
  readonly qos?: unknown;
  readonly contentType?: unknown;
};

/** `{ publish: filter }` */
export class Publisher {
  readonly #tools: EnvTools;
  readonly #call: BoundCall;

  constructor(tools: EnvTools, call: BoundCall) {
    this.#tools = tools;
    this.#call = call;
  }

  async publish(value: unknown, { topic, retain, qos, contentType }: PublishOptions = {}): Promise<void> {
    const encoded = encode(this.#tools, value);
    const args = { topic, retain, qos, contentType: contentType ?? encoded.contentType };
    await this.#call('publish', args, encoded.payload);
  }
}

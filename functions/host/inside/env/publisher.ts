import { encode, type BoundCall, type BoundTell, type EnvTools } from './encode.ts';

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
  readonly #tell: BoundTell;

  constructor(tools: EnvTools, { call, tell }: { readonly call: BoundCall; readonly tell: BoundTell }) {
    this.#tools = tools;
    this.#call = call;
    this.#tell = tell;
  }

  /** What is retained needs room on the device, which is a question of the moment. */
  async publish(value: unknown, { topic, retain, qos, contentType }: PublishOptions = {}): Promise<void> {
    const { payload, contentType: type } = encode(this.#tools, value);
    const args = { topic, retain, qos, contentType: contentType ?? type };
    if (retain) await this.#call('publish', args, payload);
    else await this.#tell('publish', args, payload);
  }
}

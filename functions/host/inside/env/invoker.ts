import { encodeJson, type BoundCall, type EnvTools } from './encode.ts';
import { Fetcher } from './fetcher.ts';

/** `{ invoke: function }`: another function of this device, by its `invoke` or its `fetch` handler. */
export class Invoker extends Fetcher {
  readonly #tools: EnvTools;
  readonly #call: BoundCall;

  constructor(tools: EnvTools, call: BoundCall) {
    super(tools, call);
    this.#tools = tools;
    this.#call = call;
  }

  async invoke(payload?: unknown): Promise<unknown> {
    const json = payload === undefined ? undefined : encodeJson(this.#tools.safe, payload);
    return (await this.#call('invoke', {}, json)).json;
  }
}

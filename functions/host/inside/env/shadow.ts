import { encodeJson, type BoundCall, type EnvTools } from './encode.ts';

type RequestOptions = { readonly version?: unknown; readonly clientToken?: unknown };
type Answer = {
  readonly accepted?: unknown;
  readonly rejected?: { readonly code: number; readonly message: string };
};

/** `{ shadow: name }` */
export class Shadow {
  readonly #tools: EnvTools;
  readonly #call: BoundCall;

  constructor(tools: EnvTools, call: BoundCall) {
    this.#tools = tools;
    this.#call = call;
  }

  async get(): Promise<unknown> {
    return (await this.#call('get', {})).json;
  }

  async update(state: unknown, { version, clientToken }: RequestOptions = {}): Promise<unknown> {
    return this.#ask('update', { state, version, clientToken });
  }

  async delete({ version, clientToken }: RequestOptions = {}): Promise<void> {
    await this.#ask('delete', { version, clientToken });
  }

  /** Rejects with an Error whose `code` is the number that AWS IoT has for it. */
  async #ask(method: string, request: object): Promise<unknown> {
    const { json } = await this.#call(method, {}, encodeJson(this.#tools.safe, request));
    const { accepted, rejected } = json as Answer;
    if (rejected) throw Object.assign(new Error(rejected.message), { code: rejected.code });
    return accepted;
  }
}

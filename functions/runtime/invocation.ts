import type { FunctionSpec } from '../../manifests/function.ts';
import type { Logger } from '../../lib/logger.ts';
import { FunctionError } from '../function-error.ts';
import { limits, type ToHost } from '../host/protocol.ts';
import { performCall, type BindingCall } from './bindings.ts';
import type { HostMessage } from './host-messages.ts';
import type { FunctionLog, InvocationEffects } from './ports.ts';

export type InvocationOptions = {
  readonly id: number;
  /** Under which the logs are kept. */
  readonly label: string;
  readonly name: string;
  readonly bindings: FunctionSpec['bindings'];
  readonly effects: InvocationEffects;
  readonly logger: Logger;
  readonly onLog: (entry: FunctionLog) => void;
  readonly send: (header: ToHost, body?: Uint8Array) => void;
};

export type HostOutcome =
  | { readonly type: 'result'; readonly cpuMs: number; readonly coldStart: boolean; readonly json: string }
  | Extract<HostMessage, { type: 'failed' }>;

type CallMessage = Extract<HostMessage, { type: 'call' }>;

/** The agent's side of one running invocation: answers its calls in order, and settles once. */
export class Invocation {
  readonly ended: Promise<HostOutcome>;
  readonly #options: InvocationOptions;
  readonly #settle: PromiseWithResolvers<HostOutcome>;
  #calls: Promise<void> = Promise.resolve();
  #callCount = 0;
  #logCount = 0;
  #over = false;
  /** The first effect that failed: whatever the function makes of it, this invocation did not do what it was asked. */
  #broken: { readonly error: unknown } | undefined;

  constructor(options: InvocationOptions) {
    this.#options = options;
    this.#settle = Promise.withResolvers();
    this.ended = this.#settle.promise;
  }

  get id(): number {
    return this.#options.id;
  }

  get name(): string {
    return this.#options.name;
  }

  call({ call, binding, method, args }: CallMessage, body: Uint8Array): void {
    // The isolate keeps these bounds too; a host that lies does not get past them here.
    if (this.#over || ++this.#callCount > limits.calls) return;
    // One after another: the effects happen in the order in which the function asked for them.
    this.#calls = this.#calls.then(() => this.#answer(call, { binding, method, args, body }));
  }

  log(level: FunctionLog['level'], message: string): void {
    if (this.#over || ++this.#logCount > limits.logLines + 10) return;
    const { name, label, onLog } = this.#options;
    onLog({ function: name, invocation: label, level, message, time: new Date().toISOString() });
  }

  /** After the calls that came before it: none of the effects is left out of what the caller commits. */
  end(outcome: HostOutcome): void {
    void this.#calls.then(() => {
      this.#over = true;
      if (this.#broken) this.#settle.reject(this.#broken.error);
      else this.#settle.resolve(outcome);
    });
  }

  /** At once; calls on the way are dropped. */
  fail(error: FunctionError): void {
    this.#over = true;
    this.#settle.reject(error);
  }

  async #answer(id: number, call: BindingCall): Promise<void> {
    if (this.#over) return;
    const invocation = this.#options.id;
    const { send, bindings, effects } = this.#options;
    try {
      const { json, bytes } = await performCall(bindings, call, effects);
      const reply = { type: 'reply', invocation, call: id, ok: true, bytes: bytes !== undefined } as const;
      send(json === undefined ? reply : { ...reply, json: JSON.stringify(json) }, bytes);
    } catch (error) {
      this.#refuse(id, call, error);
    }
  }

  #refuse(id: number, { binding, method }: BindingCall, error: unknown): void {
    const { logger, name, label: invocation, send } = this.#options;
    const known = isRefusal(error);
    if (!known) this.#broken ??= { error };
    const fields = { function: name, invocation, binding, method, error };
    if (known && error.code === 'denied') logger.warn('function.binding.denied', fields);
    else if (!known) logger.error('function.binding.failed', fields);
    if (this.#over) return;
    // The causes inside the agent are not the tenant's business.
    const message = known ? error.message : `env.${binding}.${method} failed on the device`;
    const code = known ? error.code : 'failed';
    send({ type: 'reply', invocation: this.#options.id, call: id, ok: false, code, message });
  }
}

/** The function asked for what it may not have; anything else is a failure of the device. */
function isRefusal(error: unknown): error is FunctionError {
  return error instanceof FunctionError && (error.code === 'denied' || error.code === 'badCall');
}

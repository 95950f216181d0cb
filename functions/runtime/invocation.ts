import type { FunctionSpec } from '../../manifests/function.ts';
import type { Logger } from '../../lib/logger.ts';
import { FunctionError } from '../function-error.ts';
import { limits, type ToHost } from '../host/protocol.ts';
import { isOutsideCall, performCall } from './bindings.ts';
import { nameOf, type BindingCall, type CallContext, type CallReply } from './bindings/call.ts';
import { EgressMeter } from './bindings/egress-meter.ts';
import type { HostMessage } from './host-messages.ts';
import type { FunctionLog, InvocationEffects, OutsideEffects } from './ports.ts';

export type InvocationOptions = {
  readonly id: number;
  /** Under which the logs are kept. */
  readonly label: string;
  readonly name: string;
  readonly bindings: FunctionSpec['bindings'];
  /** What it may send by fetch. */
  readonly egressBytes: number;
  readonly effects: InvocationEffects;
  readonly outside: OutsideEffects | undefined;
  /** How many functions called each other before this one. */
  readonly depth: number;
  readonly logger: Logger;
  readonly onLog: (entry: FunctionLog) => void;
  /** Makes places in the bundle places in the source. */
  readonly mapStack: (stack: string) => string;
  readonly onDenied: () => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly send: (header: ToHost, body?: Uint8Array) => void;
};

const stackFrame = /^\s+at .*(?:function\.js|holdfast:inside):\d/m;

export type HostOutcome =
  | (Omit<Extract<HostMessage, { type: 'result' }>, 'invocation'> & { readonly body: Uint8Array })
  | Extract<HostMessage, { type: 'failed' }>;

type CallMessage = Extract<HostMessage, { type: 'call' }>;

/** The agent's side of one running invocation: answers its calls in order, and settles once. */
export class Invocation {
  readonly ended: Promise<HostOutcome>;
  readonly #options: InvocationOptions;
  readonly #settle: PromiseWithResolvers<HostOutcome>;
  readonly #egress: EgressMeter;
  /** Made with the first call: most invocations make none. */
  #context: CallContext | undefined;
  #calls: Promise<void> = Promise.resolve();
  /** Calls outside the transaction that are under way, and those that wait for one of them to end. */
  #openCalls = 0;
  readonly #waiting: (() => void)[] = [];
  #outsideEnd: AbortController | undefined;
  #callCount = 0;
  #logCount = 0;
  #over = false;
  /** The first effect that failed: whatever the function makes of it, this invocation did not do what it was asked. */
  #broken: { readonly error: unknown } | undefined;

  constructor(options: InvocationOptions) {
    this.#options = options;
    this.#egress = new EgressMeter(options.egressBytes);
    this.#settle = Promise.withResolvers();
    this.ended = this.#settle.promise;
  }

  get id(): number {
    return this.#options.id;
  }

  get name(): string {
    return this.#options.name;
  }

  /** Sent by fetch so far. */
  get egressBytes(): number {
    return this.#egress.usedBytes;
  }

  call({ call, binding, method, args }: CallMessage, body: Uint8Array): void {
    // The isolate keeps these bounds too; a host that lies does not get past them here.
    if (this.#over || ++this.#callCount > limits.calls) return;
    // Effects keep what they are given; the frame is part of a larger piece of memory.
    const asked = { binding, method, args, body: new Uint8Array(body) };
    if (isOutsideCall(this.#options.bindings, asked)) this.#callOutside(() => this.#answer(call, asked));
    // One after another: the effects happen in the order in which the function asked for them.
    else this.#calls = this.#calls.then(() => this.#answer(call, asked));
  }

  log(level: FunctionLog['level'], message: string): void {
    if (this.#over || ++this.#logCount > limits.logLines + 10) return;
    const { name, label, onLog, mapStack } = this.#options;
    // Only what holds a stack is worth reading the map for.
    const text = stackFrame.test(message) ? mapStack(message) : message;
    onLog({ function: name, invocation: label, level, message: text, time: new Date().toISOString() });
  }

  /** After the calls that came before it: none of the effects is left out of what the caller commits. */
  end(outcome: HostOutcome): void {
    if (this.#callCount === 0) this.#endWith(outcome);
    else void this.#calls.then(() => this.#endWith(outcome));
  }

  #endWith(outcome: HostOutcome): void {
    this.#finish();
    if (this.#broken) this.#settle.reject(this.#broken.error);
    else this.#settle.resolve(outcome);
  }

  /** At once; calls on the way are dropped. */
  fail(error: FunctionError): void {
    this.#finish();
    this.#settle.reject(error);
  }

  /** Nobody hears the answers of calls that are still under way. */
  #finish(): void {
    this.#over = true;
    this.#waiting.length = 0;
    this.#outsideEnd?.abort(new FunctionError('cancelled', `The invocation of ${this.name} has ended`));
  }

  #callOutside(answer: () => Promise<void>): void {
    if (this.#openCalls >= limits.openCalls) {
      this.#waiting.push(() => this.#callOutside(answer));
      return;
    }
    this.#openCalls++;
    void answer().finally(() => {
      this.#openCalls--;
      this.#waiting.shift()?.();
    });
  }

  #callContext(): CallContext {
    if (this.#context) return this.#context;
    const { effects, outside, depth, now } = this.#options;
    const endSignal = () => this.#endSignal();
    this.#context = {
      ...{ effects, outside, depth, now, egress: this.#egress },
      get signal() {
        return endSignal();
      },
    };
    return this.#context;
  }

  /** Most invocations call nothing outside and need no signal. */
  #endSignal(): AbortSignal {
    this.#outsideEnd ??= new AbortController();
    return this.#outsideEnd.signal;
  }

  async #answer(id: number, call: BindingCall): Promise<void> {
    if (this.#over) return;
    try {
      this.#reply(id, await performCall(this.#options.bindings, call, this.#callContext()));
    } catch (error) {
      this.#refuse(id, call, error);
    }
  }

  #reply(id: number, { json, bytes }: CallReply): void {
    if (this.#over) return;
    const { id: invocation, send } = this.#options;
    const reply = { type: 'reply', invocation, call: id, ok: true, bytes: bytes !== undefined } as const;
    send(json === undefined ? reply : { ...reply, json: JSON.stringify(json) }, bytes);
  }

  #refuse(id: number, call: BindingCall, error: unknown): void {
    const known = isRefusal(error);
    if (!known) this.#broken ??= { error };
    this.#note(call, error, known ? error.code : 'failed');
    if (this.#over) return;
    // The causes inside the agent are not the tenant's business.
    const message = known ? error.message : `${nameOf(call)} failed on the device`;
    const code = known ? error.code : 'failed';
    const { id: invocation, send } = this.#options;
    send({ type: 'reply', invocation, call: id, ok: false, code, message });
  }

  #note({ binding, method }: BindingCall, error: unknown, code: string): void {
    const { logger, name, label: invocation, onDenied } = this.#options;
    const fields = { function: name, invocation, binding, method, error };
    if (code === 'denied') {
      onDenied();
      logger.warn('function.binding.denied', fields);
    } else if (code === 'failed') logger.error('function.binding.failed', fields);
    else if (code === 'callFailed' && !this.#over) logger.info('function.call.failed', fields);
  }
}

const refusals: ReadonlySet<string> = new Set(['denied', 'badCall', 'tooDeep', 'callFailed']);

/** What the function may be told and can go on from; anything else is a failure of the device. */
function isRefusal(error: unknown): error is FunctionError {
  return error instanceof FunctionError && refusals.has(error.code);
}

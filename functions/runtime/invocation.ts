import type { FunctionSpec } from '../../manifests/function.ts';
import type { Logger } from '../../lib/logger.ts';
import { FunctionError, type InvocationUsage } from '../function-error.ts';
import { limits, nobody, type ToHost } from '../host/protocol.ts';
import { isOutsideCall, prepareCall, type PreparedCall } from './bindings.ts';
import { badCall, nameOf, type BindingCall, type CallContext, type CallReply } from './bindings/call.ts';
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
  /** `finish` gives the message its last form, for a line that is kept. */
  readonly onLog: (entry: FunctionLog, finish: (message: string) => string) => void;
  /** Makes places in the bundle places in the source. */
  readonly mapStack: (stack: string) => string;
  readonly onDenied: () => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly send: (header: ToHost, body?: Uint8Array) => void;
};

/** Of one character. */
const maxUtf8Bytes = 3;

/** Bounded everywhere: what is logged may be thousands of lines that begin like a frame. */
const stackFrame = /^[ \t]{1,16}at [^\n]{0,512}(?:function\.js|holdfast:inside):\d/m;

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
  /** Bodies of calls that have not had their turn. */
  #waitingBytes = 0;
  #outsideEnd: AbortController | undefined;
  #callCount = 0;
  #logCount = 0;
  #over = false;
  #cpuMs = 0;
  /** The first effect that failed: whatever the function makes of it, this invocation did not do what it was asked. */
  #broken: { readonly error: unknown } | undefined;
  /** Calls that nobody waits for and that have not had their turn. */
  #toldCalls = 0;
  /** Why the first of them that failed did: had the function waited for it, it would not have come further. */
  #refused: { readonly code: string; readonly message: string } | undefined;

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

  /** What it sent by fetch so far; CPU time once the host has told it. */
  get usage(): InvocationUsage {
    return { cpuMs: this.#cpuMs, egressBytes: this.#egress.usedBytes };
  }

  call({ call: id, binding, method, args }: CallMessage, body: Uint8Array): void {
    // The isolate keeps these bounds too; a host that lies does not get past them here.
    if (this.#over || ++this.#callCount > limits.calls) return;
    if (this.#refused) {
      this.#replyRefused(id, this.#refused);
      return;
    }
    const { bindings } = this.#options;
    const given = { binding, method, args, body };
    const outside = isOutsideCall(bindings, given);
    const waits = !outside || this.#toldCalls > 0;
    try {
      if (waits || this.#openCalls >= limits.openCalls) this.#checkRoom(id, given);
      // Effects keep what they are given; the frame is part of a larger piece of memory.
      const call = { ...given, body: new Uint8Array(body) };
      const perform = prepareCall(bindings, call, this.#callContext());
      this.#waitingBytes += body.byteLength;
      const answer = () => this.#answer(id, call, perform);
      if (id === nobody) this.#toldCalls++;
      // One after another: the effects happen in the order in which the function asked for them.
      if (!outside) this.#calls = this.#calls.then(answer);
      // What was told before it comes before it, as if the function had waited for that.
      else if (waits) void this.#calls.then(() => this.#callOutside(answer));
      else this.#callOutside(answer);
    } catch (error) {
      this.#refuse(id, given, error);
    }
  }

  log(level: FunctionLog['level'], message: string): void {
    if (this.#over || ++this.#logCount > limits.logLines + 10) return;
    const { name, label, onLog, mapStack } = this.#options;
    // Only what holds a stack is worth reading the map for.
    const finish = (text: string) => (stackFrame.test(text) ? mapStack(text) : text);
    onLog({ function: name, invocation: label, level, message, time: new Date().toISOString() }, finish);
  }

  /** After the calls that came before it: none of the effects is left out of what the caller commits. */
  end(outcome: HostOutcome): void {
    if (this.#callCount === 0) this.#endWith(outcome);
    else void this.#calls.then(() => this.#endWith(outcome));
  }

  #endWith(outcome: HostOutcome): void {
    this.#finish();
    this.#cpuMs = outcome.cpuMs;
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

  /** Of calls that nobody waits for there is always room for as many as an invocation may have. */
  #checkRoom(id: number, call: BindingCall): void {
    const bytes = this.#waitingBytes + call.body.byteLength;
    const kept = id === nobody ? maxUtf8Bytes * limits.toldChars : 0;
    if (bytes > limits.waitingCallBytes + kept)
      throw badCall(
        call,
        `too much waits: calls of ${bytes} bytes; the limit is ${limits.waitingCallBytes}, await some`,
      );
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
    const signal = () => this.#endSignal();
    this.#context = { effects, outside, depth, now, egress: this.#egress, signal };
    return this.#context;
  }

  /** Most invocations call nothing outside and need no signal. */
  #endSignal(): AbortSignal {
    this.#outsideEnd ??= new AbortController();
    return this.#outsideEnd.signal;
  }

  async #answer(id: number, call: BindingCall, perform: PreparedCall): Promise<void> {
    this.#waitingBytes -= call.body.byteLength;
    if (this.#over) return;
    try {
      if (this.#refused) this.#replyRefused(id, this.#refused);
      else this.#reply(id, await perform());
    } catch (error) {
      this.#refuse(id, call, error);
    } finally {
      if (id === nobody) this.#toldCalls--;
    }
  }

  #reply(id: number, { json, bytes }: CallReply): void {
    if (this.#over || id === nobody) return;
    const { id: invocation, send } = this.#options;
    const reply = { type: 'reply', invocation, call: id, ok: true, bytes: bytes !== undefined } as const;
    send(json === undefined ? reply : { ...reply, json: JSON.stringify(json) }, bytes);
  }

  #refuse(id: number, call: BindingCall, error: unknown): void {
    const known = isRefusal(error);
    if (!known || id === nobody) this.#broken ??= { error };
    this.#note(call, error, known ? error.code : 'failed');
    // The causes inside the agent are not the tenant's business.
    const message = known ? error.message : `${nameOf(call)} failed on the device`;
    const refused = { code: known ? error.code : 'failed', message };
    if (id === nobody) this.#refused ??= refused;
    this.#replyRefused(id, refused);
  }

  #replyRefused(id: number, { code, message }: { readonly code: string; readonly message: string }): void {
    if (this.#over || id === nobody) return;
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

import { randomUUID } from 'node:crypto';
import type { FunctionSpec } from '../../../manifests/function.ts';
import { FunctionError } from '../../function-error.ts';
import { newInvocation } from '../../host/inside/new-invocation.ts';
import { bytesPayload, textPayload } from '../../host/inside/payload.ts';
import { takeSafe } from '../../host/inside/safe.ts';
import { findShape } from '../../host/inside/shapes/find-shape.ts';
import type { Delivery, ShapeTools } from '../../host/inside/shapes/shape.ts';
import { makeText } from '../../host/inside/text.ts';
import type { Answer, Call, Setup, Tell } from '../../host/inside/types.ts';
import { limits } from '../../host/protocol.ts';
import { bindingKinds, performCall } from '../../runtime/bindings.ts';
import { EgressMeter } from '../../runtime/bindings/egress-meter.ts';
import { encodeEvent } from '../../runtime/encode-event.ts';
import type { InvocationEvent, InvocationResult, OutsideEffects, QueueOutcome } from '../../runtime/ports.ts';
import { missingSecret, resolveSecrets } from '../../runtime/secret-values.ts';
import { inProcessEnv } from './in-process-env.ts';
import { commitEffects, type MemoryState, type MemoryTransaction } from './memory-state.ts';

export type InProcessOptions = {
  readonly name: string;
  readonly spec: FunctionSpec;
  /** What its module exports. */
  readonly exports: Readonly<Record<string, unknown>>;
  readonly state: MemoryState;
  readonly outside: OutsideEffects;
  /** Milliseconds since 1970. */
  readonly now: () => number;
};

/** A function that runs among the globals of this process: quick, and open to debuggers, coverage and stubs. No limit holds. */
export class InProcessFunction {
  readonly #options: InProcessOptions;
  readonly #setup: Setup;
  readonly #safe = takeSafe();
  readonly #text = makeText();
  #last = 0;

  private constructor(options: InProcessOptions, setup: Setup) {
    this.#options = options;
    this.#setup = setup;
  }

  /** Rejects with FunctionError `noHandler` and `secretMissing`. */
  static async open(options: InProcessOptions): Promise<InProcessFunction> {
    const { name, spec, outside, exports } = options;
    const secrets = await resolveSecrets(name, spec.bindings, outside);
    const missing = missingSecret(name, secrets);
    if (missing) throw missing;
    const setup: Setup = {
      name,
      memoryMb: Math.ceil(spec.limits.memory / 2 ** 20),
      bindings: bindingKinds(name, spec.bindings, { outside: true }),
      secrets: secrets.values,
      limits: { ...limits, resultBytes: spec.limits.result },
    };
    const opened = new InProcessFunction(options, setup);
    if (findShape(opened.#tools([]), exports).names.length > 0) return opened;
    throw new FunctionError('noHandler', `Function ${name} exports no handler`, {
      hint: "Give its module: createTestEnvironment({ module: await import('./index.ts') }).",
    });
  }

  /** Rejects as the handler does. Its effects are in the state when this resolves, and none of them when it rejects. */
  run(event: InvocationEvent, signal: AbortSignal): Promise<InvocationResult> {
    return commitEffects(this.#options.state, (effects) => this.#attempt(event, effects, signal));
  }

  async #attempt(
    event: InvocationEvent,
    effects: MemoryTransaction,
    signal: AbortSignal,
  ): Promise<InvocationResult> {
    const { name, spec, exports } = this.#options;
    const { header, body } = encodeEvent(name, event);
    const startedMs = performance.now();
    const egress = new EgressMeter(spec.limits.egress);
    const invocation = newInvocation({
      id: ++this.#last,
      label: randomUUID(),
      deadline: Date.now() + spec.limits.timeout,
      isRequest: event.kind === 'fetch',
    });
    const pending: unknown[] = [];
    const call = this.#call(effects, egress, signal);
    const tell: Tell = async (...given) => {
      await call(...given);
    };
    const envTools = { safe: this.#safe, text: this.#text, call, tell, limits: this.#setup.limits };
    const env = inProcessEnv(envTools, this.#setup, invocation);
    const payload = typeof body === 'string' ? textPayload(this.#text, body) : bytesPayload(this.#text, body);
    const delivery: Delivery = { header, payload, invocation, env };
    const answer = await this.#answer(event, exports, delivery, pending);
    // More may be added while this waits.
    for (const work of pending) await (invocation.isRequest ? reported(work) : work);
    invocation.ended = true;
    const wallMs = performance.now() - startedMs;
    const cost = { cpuMs: 0, egressBytes: egress.usedBytes, wallMs, coldStart: false };
    return { ...resultOf(name, event, answer), ...cost };
  }

  async #answer(
    event: InvocationEvent,
    exports: InProcessOptions['exports'],
    delivery: Delivery,
    pending: unknown[],
  ): Promise<Answer> {
    const tools = this.#tools(pending);
    const main = exports.default as { fetch?: unknown } | undefined;
    if (event.kind === 'fetch' && typeof main?.fetch === 'function') {
      return fetchInProcess(main as FetchModule, event, { ...delivery, pending, setup: this.#setup });
    }
    const shape = findShape(tools, exports);
    const started = shape.start(delivery);
    if (started) return started.answer(await started.value);
    throw new FunctionError(
      'noHandler',
      `There is no handler for ${event.kind}; the module has ${shape.names.join(', ')}`,
    );
  }

  #call(effects: MemoryTransaction, egress: EgressMeter, signal: AbortSignal): Call {
    const { spec, outside, now } = this.#options;
    return async (owner, binding, method, args, payload) => {
      if (owner.ended) throw new Error(`env.${binding}.${method} is refused: this invocation has ended`);
      const body = typeof payload === 'string' ? this.#text.encode(payload) : (payload ?? new Uint8Array(0));
      // As it travels to a device: through JSON.
      const plain = JSON.parse(JSON.stringify(args)) as unknown;
      const reply = await performCall(
        spec.bindings,
        { binding, method, args: plain, body },
        { effects, outside, depth: 0, signal: () => signal, egress, now },
      );
      return { json: reply.json, payload: reply.bytes && bytesPayload(this.#text, reply.bytes) };
    };
  }

  #tools(pending: unknown[]): ShapeTools {
    return {
      safe: this.#safe,
      text: this.#text,
      setup: this.#setup,
      now: this.#options.now,
      waitUntil: (_invocation, work) => waitUntil(pending, work),
      whenIdle: (_invocation, work) => void setImmediate(work),
    };
  }
}

type FetchModule = { fetch(request: Request, env: unknown, context: object): unknown };
type FetchParts = Delivery & { readonly pending: unknown[]; readonly setup: Setup };

/** The one kind of event whose classes are those of the process. */
async function fetchInProcess(
  main: FetchModule,
  { method, url, headers, body }: Extract<InvocationEvent, { kind: 'fetch' }>,
  { env, invocation, setup, pending }: FetchParts,
): Promise<Answer> {
  const pairs = headers.map(([name, value]): [string, string] => [name, value]);
  const hasBody = method !== 'GET' && method !== 'HEAD';
  const request = new Request(url, {
    method,
    headers: pairs,
    ...(hasBody && { body: new Uint8Array(body) }),
  });
  const context = {
    invocation: invocation.label,
    functionName: setup.name,
    env,
    props: {},
    waitUntil: (work: unknown) => waitUntil(pending, work),
    passThroughOnException: () => undefined,
    getRemainingTimeInMillis: () => Math.max(0, invocation.deadline - Date.now()),
  };
  const response = await main.fetch(request, env, context);
  if (!(response instanceof Response)) throw new TypeError('The handler fetch must return a Response');
  const head = { status: response.status, headers: [...response.headers] };
  return { response: head, body: new Uint8Array(await response.arrayBuffer()) };
}

/** As on a device: whoever sent a request is answered by the handler alone, and what failed beside it is shown. */
async function reported(work: unknown): Promise<void> {
  try {
    await work;
  } catch (error) {
    console.error('Rejected under waitUntil:', error);
  }
}

function waitUntil(pending: unknown[], work: unknown): void {
  pending.push(work);
  // Awaited in its turn; until then a rejection is nobody's.
  Promise.resolve(work).catch(() => undefined);
}

function resultOf(
  name: string,
  event: InvocationEvent,
  answer: Answer,
): Pick<InvocationResult, 'value' | 'response' | 'queue'> {
  if ('failure' in answer)
    throw new FunctionError(answer.failure, `Function ${name} failed: ${answer.message}`);
  if ('response' in answer) return { value: undefined, response: { ...answer.response, body: answer.body } };
  const json = 'jsonAtEnd' in answer ? answer.jsonAtEnd() : answer.json;
  const value = json === '' ? undefined : (JSON.parse(json) as unknown);
  return event.kind === 'queue' ? { value: undefined, queue: value as QueueOutcome } : { value };
}

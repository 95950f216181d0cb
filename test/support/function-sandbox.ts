import {
  FunctionRuntime,
  type FunctionBundle,
  type FunctionLog,
  type InvocationEffects,
  type OutsideEffects,
} from '../../functions/index.ts';
import type { DeletedShadow } from '../../functions/runtime/ports.ts';
import { MemoryShadows } from '../../functions/sdk/testing/memory-shadows.ts';
import type { ProcessSandbox } from '../../functions/runtime/process-sandbox.ts';
import { digestOf } from '../../lib/digest.ts';
import { createLogger, type LogEvent } from '../../lib/logger.ts';
import type { ShadowDocument, UpdateRequest } from '../../lib/shadow/shadow-messages.ts';
import type { BareRequest, Outcome } from '../../lib/shadow/shadow-request.ts';
import { functionSchema } from '../../manifests/function.ts';

/** A bundle of plain JavaScript, as if esbuild had made it. */
export function bundleOf(code: string, sourceMap?: string): FunctionBundle {
  return {
    digest: digestOf(code),
    config: { version: 1, shape: 'module', exports: ['default'] },
    code,
    sourceMap,
  };
}

export type Published = {
  readonly topic: string;
  readonly text: string;
  readonly contentType: string | undefined;
};

/** Effects that happen at once, in memory. */
export class MemoryEffects implements InvocationEffects {
  readonly published: Published[] = [];
  readonly values = new Map<string, Uint8Array>();
  readonly sent: { readonly queue: string; readonly text: string; readonly delayMs: number }[] = [];

  readonly #shadows = new MemoryShadows(Date.now).begin();

  shadowGet(name: string): ShadowDocument | undefined {
    return this.#shadows.shadowGet(name);
  }
  shadowUpdate(name: string, request: UpdateRequest): Outcome<ShadowDocument> {
    return this.#shadows.shadowUpdate(name, request);
  }
  shadowDelete(name: string, request: BareRequest): Outcome<DeletedShadow> {
    return this.#shadows.shadowDelete(name, request);
  }
  publish({ topic, payload, contentType }: Parameters<InvocationEffects['publish']>[0]): void {
    this.published.push({ topic, text: Buffer.from(payload).toString('utf8'), contentType });
  }
  kvGet(store: string, key: string): Uint8Array | undefined {
    return this.values.get(`${store}/${key}`);
  }
  kvPut(store: string, key: string, value: Uint8Array): boolean {
    this.values.set(`${store}/${key}`, value);
    return true;
  }
  queueSend(queue: string, { body, delayMs }: Parameters<InvocationEffects['queueSend']>[1]): void {
    this.sent.push({ queue, text: Buffer.from(body).toString('utf8'), delayMs });
  }
  kvDelete(store: string, key: string): void {
    this.values.delete(`${store}/${key}`);
  }
  kvList(store: string, { prefix, limit }: { prefix: string; limit: number }): string[] {
    const start = `${store}/${prefix}`;
    const keys = [...this.values.keys()].filter((key) => key.startsWith(start));
    return keys
      .map((key) => key.slice(store.length + 1))
      .sort()
      .slice(0, limit);
  }
}

/** Honest functions get time enough on a busy machine; a test that is about a limit sets it. */
const roomy = { memory: '64MiB', cpu: '10s', timeout: '30s' };

export type Sandbox = AsyncDisposable & {
  readonly runtime: FunctionRuntime;
  readonly effects: MemoryEffects;
  readonly logs: FunctionLog[];
  readonly events: LogEvent[];
  /** `body`: the inside of `export default { … }`, or a whole module. `manifest`: entries of the function's section. */
  deploy(name: string, body: string, manifest?: Record<string, unknown>): Promise<void>;
  invoke(name: string, payload?: unknown, signal?: AbortSignal): Promise<unknown>;
};

export async function openSandbox(
  options: {
    readonly now?: () => number;
    readonly sandbox?: ProcessSandbox;
    readonly outside?: OutsideEffects;
    /** Another program than the host's own. */
    readonly hostEntry?: string;
  } = {},
): Promise<Sandbox> {
  const logs: FunctionLog[] = [];
  const events: LogEvent[] = [];
  const effects = new MemoryEffects();
  const runtime = await FunctionRuntime.open({
    logger: createLogger((event) => events.push(event)),
    onLog: (entry) => logs.push(entry),
    ...options,
  });
  return {
    runtime,
    effects,
    logs,
    events,
    async deploy(name, body, manifest = {}) {
      const code = body.includes('export ') ? body : `export default { ${body} };`;
      const limits = { ...roomy, ...(manifest.limits as object | undefined) };
      const spec = functionSchema.parse({ bundle: `test/f@sha256:${'0'.repeat(64)}`, ...manifest, limits });
      await runtime.deploy({ name, bundle: bundleOf(code), spec });
    },
    async invoke(name, payload, signal = new AbortController().signal) {
      return (await runtime.invoke(name, { kind: 'invoke', payload }, effects, { signal })).value;
    },
    [Symbol.asyncDispose]: () => runtime[Symbol.asyncDispose](),
  };
}

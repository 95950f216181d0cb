import { fileURLToPath } from 'node:url';
import { FunctionRuntime, type FunctionBundle, type InvocationEffects } from '../../functions/index.ts';
import { silentLogger } from '../../lib/logger.ts';
import { functionSchema } from '../../manifests/function.ts';

/** The built host: what people install is what is measured. */
const hostEntry = fileURLToPath(new URL('../../dist/host.mjs', import.meta.url));

export const noEffects: InvocationEffects = {
  publish: () => undefined,
  kvGet: () => undefined,
  kvPut: () => true,
  kvDelete: () => undefined,
  queueSend: () => undefined,
  kvList: () => [],
  shadowGet: () => undefined,
  shadowUpdate: unasked,
  shadowDelete: unasked,
};

function unasked(): never {
  throw new Error('What is measured changes no shadow');
}

export const functionSpec = (limits: Record<string, unknown> = {}) =>
  functionSchema.parse({
    bundle: 'functions/transform:latest',
    bindings: { OUT: { publish: 'out/events' } },
    limits,
  });

/** The runtime as the agent has it, without the agent around it. */
export class OurRuntime implements AsyncDisposable {
  readonly runtime: FunctionRuntime;
  readonly #signal = new AbortController().signal;

  private constructor(runtime: FunctionRuntime) {
    this.runtime = runtime;
  }

  static async open(bundle: FunctionBundle): Promise<OurRuntime> {
    const runtime = await FunctionRuntime.open({ logger: silentLogger, onLog: () => undefined, hostEntry });
    const spec = functionSpec({ concurrency: 100 });
    await runtime.deploy({ name: 'transform', bundle, spec });
    return new OurRuntime(runtime);
  }

  async invoke(payload: unknown): Promise<unknown> {
    const { value } = await this.runtime.invoke('transform', { kind: 'invoke', payload }, noEffects, {
      signal: this.#signal,
    });
    return value;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.runtime[Symbol.asyncDispose]();
  }
}

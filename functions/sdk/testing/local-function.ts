import { createLogger } from '../../../lib/logger.ts';
import { functionSchema, type FunctionSpec } from '../../../manifests/function.ts';
import type { BuiltBundle } from '../../bundle/build-bundle.ts';
import { readBundle, type FunctionBundle } from '../../bundle/read-bundle.ts';
import { FunctionRuntime } from '../../runtime/function-runtime.ts';
import type { FunctionLog, InvocationEvent, InvocationResult, OutsideEffects } from '../../runtime/ports.ts';
import { commitEffects, type MemoryState } from './memory-state.ts';

/** The entry of a function in the manifest, as one writes it, without its bundle. */
export type FunctionManifest = {
  readonly on?: readonly Readonly<Record<string, unknown>>[];
  readonly bindings?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly limits?: Readonly<Record<string, unknown>>;
};

export type LocalFunctionOptions = {
  readonly name: string;
  readonly spec: FunctionSpec;
  readonly state: MemoryState;
  readonly outside: OutsideEffects;
  readonly onLog: (entry: FunctionLog) => void;
  /** Milliseconds since 1970; by default of this computer. */
  readonly now?: () => number;
};

/** A function in the sandbox that devices use, in a process of its own, with everything beside it in memory. */
export class LocalFunction implements AsyncDisposable {
  readonly #options: LocalFunctionOptions;
  readonly #runtime: FunctionRuntime;

  private constructor(options: LocalFunctionOptions, runtime: FunctionRuntime) {
    this.#options = options;
    this.#runtime = runtime;
  }

  static async open(options: LocalFunctionOptions): Promise<LocalFunction> {
    const { outside, onLog, now } = options;
    const logger = createLogger(() => undefined);
    return new LocalFunction(
      options,
      await FunctionRuntime.open({ logger, onLog, outside, ...(now && { now }) }),
    );
  }

  /** Replaces the version before, whose invocations end in peace. Rejects with FunctionError; the version before then stays. */
  async deploy(built: BuiltBundle): Promise<void> {
    const { name, spec } = this.#options;
    await this.#runtime.deploy({ name, spec, bundle: await bundleOf(built) });
  }

  /** Its effects are in the state when this resolves, and none of them when it rejects. */
  run(event: InvocationEvent, signal: AbortSignal): Promise<InvocationResult> {
    const { name, state } = this.#options;
    return commitEffects(state, (effects) => this.#runtime.invoke(name, event, effects, { signal }));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#runtime[Symbol.asyncDispose]();
  }
}

/** Throws ZodError. Limits of processor time are what the manifest says, or wide: a busy computer is no device. */
export function parseFunctionManifest({ limits, ...manifest }: FunctionManifest): FunctionSpec {
  const wide = { cpu: '10s', timeout: '30s' };
  return functionSchema.parse({
    bundle: 'local/function:latest',
    ...manifest,
    limits: { ...wide, ...limits },
  });
}

function bundleOf({ digest, manifest, blobs }: BuiltBundle): Promise<FunctionBundle> {
  return readBundle({
    digest,
    manifest,
    readBlob(wanted) {
      const found = blobs.find((blob) => blob.digest === wanted);
      return found ? Promise.resolve(found.bytes) : Promise.reject(new Error(`no blob ${wanted}`));
    },
  });
}

import { packBundle } from '../../functions/bundle/build-bundle.ts';
import type { Compiled } from '../../functions/bundle/compile.ts';
import { SourceWatch } from '../../functions/bundle/source-watch.ts';
import { FunctionError } from '../../functions/function-error.ts';
import type { InvocationEvent, InvocationResult, OutsideEffects } from '../../functions/runtime/ports.ts';
import { LocalFunction } from '../../functions/sdk/testing/local-function.ts';
import { MemoryState } from '../../functions/sdk/testing/memory-state.ts';
import type { FunctionSpec } from '../../manifests/function.ts';
import { DevQueue } from './dev-queue.ts';
import type { DevReporter } from './dev-reporter.ts';

export type DevSessionOptions = {
  readonly name: string;
  readonly entry: string;
  readonly spec: FunctionSpec;
  readonly outside: OutsideEffects;
  readonly reporter: DevReporter;
  /** Run one after another each time a version was loaded. */
  readonly events: readonly InvocationEvent[];
  readonly signal: AbortSignal;
};

type Parts = { readonly local: LocalFunction; readonly state: MemoryState };

/** A function that is built and loaded again after each change of its sources, with its surroundings in memory. */
export class DevSession implements AsyncDisposable {
  readonly #options: DevSessionOptions;
  readonly #state: MemoryState;
  readonly #queues: ReadonlyMap<string, DevQueue>;
  readonly #local: LocalFunction;
  #sources: SourceWatch | undefined;
  /** One after another: an older version never replaces a newer one. */
  #deploys: Promise<void> = Promise.resolve();
  readonly #firstBuild = Promise.withResolvers<undefined>();

  private constructor(options: DevSessionOptions, parts: Parts) {
    this.#options = options;
    this.#local = parts.local;
    this.#state = parts.state;
    this.#queues = this.#openQueues();
  }

  /** Resolves when the first build has ended, well or not. Rejects with FunctionError `buildFailed` when there is no such file. */
  static async open(options: DevSessionOptions): Promise<DevSession> {
    const { name, spec, outside, reporter, entry } = options;
    await using stack = new AsyncDisposableStack();
    const onLog = reporter.log.bind(reporter);
    const state = new MemoryState(Date.now);
    const local = stack.use(await LocalFunction.open({ name, spec, state, outside, onLog }));
    const session = new DevSession(options, { local, state });
    session.#sources = stack.use(await SourceWatch.open(entry, (compiled) => session.#take(compiled)));
    await session.#firstBuild.promise;
    stack.move();
    return session;
  }

  /** Reports how it ended; resolves to undefined when it failed. */
  async run(event: InvocationEvent): Promise<InvocationResult | undefined> {
    const { reporter, signal } = this.#options;
    try {
      const result = await this.#local.run(event, signal);
      reporter.succeeded(event, result);
      return result;
    } catch (error) {
      if (!signal.aborted) reporter.failed(event, this.#explained(error));
      return undefined;
    } finally {
      this.#drain();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const queue of this.#queues.values()) queue[Symbol.dispose]();
    await this.#sources?.[Symbol.asyncDispose]();
    await this.#deploys;
    await this.#local[Symbol.asyncDispose]();
  }

  #take(compiled: Compiled | FunctionError): void {
    const startedMs = performance.now();
    this.#deploys = this.#deploys.then(() => this.#deploy(compiled, startedMs));
    void this.#deploys.then(() => this.#firstBuild.resolve(undefined));
  }

  async #deploy(compiled: Compiled | FunctionError, startedMs: number): Promise<void> {
    const { entry, reporter, events, signal } = this.#options;
    if (signal.aborted) return;
    try {
      if (compiled instanceof FunctionError) throw compiled;
      const built = packBundle(entry, compiled);
      await this.#local.deploy(built);
      reporter.built({
        digest: built.digest,
        bytes: compiled.code.byteLength,
        ms: performance.now() - startedMs,
      });
    } catch (error) {
      reporter.refused(error);
      return;
    }
    for (const event of events) await this.run(event);
  }

  /** There is no device here whose manifest could lack the function. */
  #explained(error: unknown): unknown {
    if (!(error instanceof FunctionError) || error.code !== 'notDeployed') return error;
    return new FunctionError(
      'notDeployed',
      `No version of ${this.#options.name} could be built and loaded yet`,
      {
        hint: 'Correct what was refused above; it is built again then.',
        cause: error,
      },
    );
  }

  /** What an invocation left behind is told, and what the function sends to itself comes back. */
  #drain(): void {
    const { reporter } = this.#options;
    for (const message of this.#state.published.splice(0)) reporter.published(message);
    for (const message of this.#state.queued.splice(0)) {
      reporter.queued(message);
      this.#queues.get(message.queue)?.add(message);
    }
  }

  #openQueues(): ReadonlyMap<string, DevQueue> {
    const { spec, reporter } = this.#options;
    const own = spec.on.flatMap((trigger) => {
      if (!('queue' in trigger)) return [];
      const { queue, batch } = trigger;
      const { retries } = spec;
      const deliver = (event: InvocationEvent) => this.run(event);
      const onDead = reporter.dead.bind(reporter);
      return [[queue, new DevQueue({ queue, batch, retries, deliver, onDead })] as const];
    });
    return new Map(own);
  }
}

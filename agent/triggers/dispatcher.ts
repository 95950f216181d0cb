import type { Logger } from '../../lib/logger.ts';
import type { FunctionSpec } from '../../manifests/function.ts';
import { AgentError } from '../errors.ts';
import { Lane, type CallOptions, type LaneOptions } from './lane.ts';
import type { InvocationEvent, InvocationResult } from './ports.ts';

export type DispatcherOptions = Omit<LaneOptions, 'name' | 'logger'> & { readonly logger: Logger };

export type LaneStatus = {
  readonly queued: number;
  readonly inFlight: number;
  readonly deadLetters: number;
  /** Binding calls that were denied since the start. */
  readonly denials: number;
  readonly problem: string | undefined;
  /** What it cannot start without, such as a secret that is not set. */
  readonly lacks: string | undefined;
  readonly hold: Lane['hold'];
  readonly budget: Lane['budget'];
};

/** Gives every function its lane and wakes it when a commit brought it something. */
export class Dispatcher implements AsyncDisposable {
  readonly #options: DispatcherOptions;
  readonly #lanes = new Map<string, Lane>();
  readonly #stopListening: () => void;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#stopListening = options.store.onCommit(({ arrived, functions }) => {
      for (const name of functions) this.#lanes.get(name)?.wake();
      for (const [name, events] of arrived) if (!functions.has(name)) this.#lanes.get(name)?.offer(events);
    });
  }

  /** Functions of the present generation. A lane that is no more needed stops; its queued events stay on disk. */
  async configure(functions: Readonly<Record<string, FunctionSpec>>): Promise<void> {
    for (const [name, spec] of Object.entries(functions)) this.#lane(name).configure(spec);
    const absent = [...this.#lanes].filter(([name]) => !Object.hasOwn(functions, name));
    for (const [name, lane] of absent) {
      this.#lanes.delete(name);
      await lane[Symbol.asyncDispose]();
    }
  }

  /** `call` with an `invoke` event; resolves to what the handler returned. */
  async invoke(name: string, payload: unknown, options: CallOptions): Promise<unknown> {
    const { value } = await this.call(name, { kind: 'invoke', payload }, options);
    return value;
  }

  /**
   * Runs one event for a caller who waits. Resolves after the effects' commit [G1]. Rejects with AgentError
   * 'unknownFunction', 'queueFull', 'cancelled', the signal's reason, or what the runtime rejects with.
   */
  async call(name: string, event: InvocationEvent, options: CallOptions): Promise<InvocationResult> {
    const lane = this.#lanes.get(name);
    if (!lane)
      throw new AgentError('unknownFunction', `There is no function ${name} on this device`, {
        hint: `It runs: ${this.names.join(', ') || 'none'}.`,
      });
    return lane.call(event, options);
  }

  /** A function was loaded anew: what waited out a failure is tried at once. */
  renew(name: string, spec: FunctionSpec): void {
    this.#lanes.get(name)?.configure(spec);
  }

  /** The function looks anew at what holds it and what it has to do. */
  wake(name: string): void {
    this.#lanes.get(name)?.lookAnew();
  }

  /** Functions of the present generation. */
  get names(): readonly string[] {
    return [...this.#lanes.keys()];
  }

  status(): Record<string, LaneStatus> {
    const { runtime } = this.#options;
    const { counts } = this.#options.store;
    return Object.fromEntries(
      [...this.#lanes].map(([name, { inFlight, problem, hold, budget }]) => [
        name,
        {
          ...{ queued: counts.queued(name), inFlight, deadLetters: counts.dead(name), hold, budget },
          ...{ problem, denials: runtime.denials?.(name) ?? 0, lacks: runtime.problem?.(name) },
        },
      ]),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopListening();
    const lanes = [...this.#lanes.values()];
    this.#lanes.clear();
    await Promise.all(lanes.map((lane) => lane[Symbol.asyncDispose]()));
  }

  #lane(name: string): Lane {
    const known = this.#lanes.get(name);
    if (known) return known;
    const { logger, ...rest } = this.#options;
    const lane = new Lane({ ...rest, name, logger: logger.child({ function: name }) });
    this.#lanes.set(name, lane);
    return lane;
  }
}

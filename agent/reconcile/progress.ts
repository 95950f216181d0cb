import { describeFailure } from './failure.ts';
import type { Condition, Desired, Phase } from '../../cloud-sync/protocol/messages.ts';
import type { AgentState, StateHolder } from './state-schema.ts';

/** Another generation is desired by now: what this attempt would still write is void. */
export class Superseded extends Error {}

export type ProgressOptions = {
  readonly store: StateHolder;
  /** The state changed: time to report. */
  readonly onChange: () => void;
};

/** Writes down what an attempt at a generation has reached. */
export class Progress {
  readonly #options: ProgressOptions;

  constructor(options: ProgressOptions) {
    this.#options = options;
  }

  async enter(target: Desired, phase: Phase, conditions?: Condition[]): Promise<void> {
    await this.write(target, () => (conditions ? { phase, conditions } : { phase }));
  }

  /** Rejects with Superseded, and writes nothing, when another generation is desired by then. [G3] */
  async write(target: Desired, change: (state: AgentState) => Partial<AgentState>): Promise<void> {
    let isSuperseded = false;
    await this.#options.store.update((state) => {
      isSuperseded = state.observed?.generation !== target.generation;
      return isSuperseded ? {} : change(state);
    });
    if (isSuperseded as boolean) throw new Superseded();
    this.#options.onChange();
  }
}

export function withCondition({ conditions }: AgentState, condition: Condition): Condition[] {
  return [...without(conditions, condition.type), condition].slice(-32);
}

export function without(conditions: readonly Condition[], type: string): Condition[] {
  return conditions.filter((condition) => condition.type !== type);
}

export function failureCondition(type: string, error: unknown): Condition {
  const { code, message } = describeFailure(error);
  return { type, status: true, reason: code, message };
}

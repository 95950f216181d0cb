import type { HealthSpec } from '../../../manifests/app.ts';
import type { Clock } from '../supervise/clock.ts';
import type { Check } from './check-of.ts';
import { afterCheck, paceMs, startingHealth, type HealthState } from './health-state.ts';

/** An app without checks is well when it has run for so long. */
const wellAfterMs = 1000;

export type HealthWatchOptions = {
  /** Undefined for an app that has no checks. */
  readonly check: Check | undefined;
  readonly times: Pick<HealthSpec, 'every' | 'grace' | 'failures'>;
  /** By `clock`: when the instance, or this agent's watch over it, began. */
  readonly sinceMs: number;
  readonly clock: Clock;
  /** What an earlier watch over the same instance found. */
  readonly state?: HealthState;
};

/** Checks one instance, for as long as somebody waits for `change`. */
export class HealthWatch {
  readonly #options: HealthWatchOptions;
  #state: HealthState;
  #count = 0;
  #dueMs: number;

  constructor(options: HealthWatchOptions) {
    this.#options = options;
    this.#state = options.state ?? startingHealth;
    this.#dueMs = options.clock.now() + (options.state?.verdict === 'well' ? options.times.every : 0);
  }

  get state(): HealthState {
    return this.#state;
  }

  /** `http http://… answered 500, 3 times in a row`; undefined before the first check. */
  get text(): string | undefined {
    const { check } = this.#options;
    const { last, failures } = this.#state;
    if (!check || !last) return undefined;
    return `${check.name} ${last.text}${failures > 1 ? `, ${failures} times in a row` : ''}`;
  }

  /** Resolves with the verdict once it is another than before. Rejects with the signal's reason. */
  async change(signal: AbortSignal): Promise<HealthState['verdict']> {
    const { check, sinceMs, clock } = this.#options;
    const before = this.#state.verdict;
    if (!check) return this.#age(sinceMs + wellAfterMs, signal);
    while (this.#state.verdict === before) {
      await clock.sleep(this.#dueMs - clock.now(), signal);
      await this.#look(check, signal);
    }
    return this.#state.verdict;
  }

  async #look(check: Check, signal: AbortSignal): Promise<void> {
    const { times, sinceMs, clock } = this.#options;
    const result = await check.run(signal);
    const ageMs = clock.now() - sinceMs;
    this.#state = afterCheck(this.#state, result, { ageMs, grace: times.grace, failures: times.failures });
    this.#dueMs = clock.now() + paceMs(this.#state, this.#count, times.every);
    this.#count += 1;
  }

  async #age(wellMs: number, signal: AbortSignal): Promise<HealthState['verdict']> {
    const { clock } = this.#options;
    const isOld = this.#state.verdict === 'well';
    await clock.sleep(isOld ? foreverMs : wellMs - clock.now(), signal);
    this.#state = { verdict: 'well', failures: 0 };
    return 'well';
  }
}

/** Longest that a timer of node waits, three weeks. */
const foreverMs = 2 ** 31 - 1;

import type { FunctionSpec } from '../../manifests/function.ts';
import type { Counts } from '../streams/ledger.ts';
import type { Operation } from '../streams/operations.ts';
import type { Spending } from '../streams/trigger-operations.ts';

/** What keeps a function from running. `untilMs`: milliseconds since 1970; undefined when somebody must resume it. */
export type Hold =
  | { readonly kind: 'paused' | 'drop'; readonly reason: string; readonly untilMs: number | undefined }
  /** What runs at present may use the budget up. */
  | { readonly kind: 'wait' };

export type Usage = { readonly cpuMs: number; readonly egressBytes: number };

export type BudgetStatus = Spending & { readonly resetsMs: number };

export type AllowanceOptions = {
  readonly name: string;
  readonly counts: Pick<Counts, 'pause' | 'spending'>;
};

const dayMs = 86_400_000;

/**
 * Whether a function may run: not while it is paused, and not beyond its budget of a UTC day. What it used is committed with
 * what it did, so that a restart forgives nothing. A clock that comes to another day, back or forward, begins a new budget:
 * better too much than never again.
 */
export class Allowance {
  readonly #options: AllowanceOptions;
  #budget: FunctionSpec['budget'];
  /** Used by attempts that committed nothing. */
  #owed = noUsage;

  constructor(options: AllowanceOptions) {
    this.#options = options;
  }

  configure(budget: FunctionSpec['budget']): void {
    this.#budget = budget;
  }

  /** `running`: invocations that are not counted on disk yet. */
  hold(nowMs: number, running: number): Hold | undefined {
    const { counts, name } = this.#options;
    const pause = counts.pause(name);
    if (pause) return { kind: 'paused', reason: pause.reason, untilMs: undefined };
    if (!this.#budget) return undefined;
    const spent = this.#spentToday(nowMs);
    if (spent?.lifted) return undefined;
    const reason = spent && exceeded(this.#budget, spent);
    if (reason !== undefined) {
      const kind = this.#budget.onExceeded === 'drop' ? 'drop' : 'paused';
      return { kind, reason, untilMs: nextDay(nowMs) };
    }
    const { invocations } = this.#budget;
    return invocations !== undefined && (spent?.invocations ?? 0) + running >= invocations
      ? { kind: 'wait' }
      : undefined;
  }

  /** What to commit when an invocation has ended; nothing for a function without a budget. */
  bill(nowMs: number, { cpuMs, egressBytes }: Usage): Operation[] {
    if (!this.#budget) return [];
    const { invocations, ...owed } = this.#owed;
    this.#owed = {
      invocations: invocations + 1,
      cpuMs: owed.cpuMs + cpuMs,
      egressBytes: owed.egressBytes + egressBytes,
    };
    return this.debt(nowMs);
  }

  /** What to commit of what is owed. */
  debt(nowMs: number): Operation[] {
    const owed = this.#owed;
    this.#owed = noUsage;
    if (!this.#budget || owed.invocations === 0) return [];
    return [{ ...{ op: 'spend', function: this.#options.name, day: dayOf(nowMs), dropped: 0 }, ...owed }];
  }

  /** A bill was not committed: it goes with the next one. */
  owe(bill: readonly Operation[]): void {
    for (const operation of bill) {
      if (operation.op !== 'spend') continue;
      const { invocations, cpuMs, egressBytes } = this.#owed;
      this.#owed = {
        invocations: invocations + operation.invocations,
        cpuMs: cpuMs + operation.cpuMs,
        egressBytes: egressBytes + operation.egressBytes,
      };
    }
  }

  /** What to commit with events that are dropped for want of budget. */
  dropped(nowMs: number, count: number): Operation {
    return {
      ...{ op: 'spend', function: this.#options.name, day: dayOf(nowMs), dropped: count },
      ...noUsage,
    };
  }

  /** Of today; undefined for a function without a budget. */
  budgetStatus(nowMs: number): BudgetStatus | undefined {
    if (!this.#budget) return undefined;
    const none = { ...noUsage, day: dayOf(nowMs), dropped: 0, lifted: false };
    return { ...(this.#spentToday(nowMs) ?? none), resetsMs: nextDay(nowMs) };
  }

  #spentToday(nowMs: number): Spending | undefined {
    const { counts, name } = this.#options;
    const spent = counts.spending(name);
    return spent?.day === dayOf(nowMs) ? spent : undefined;
  }
}

const noUsage = { invocations: 0, cpuMs: 0, egressBytes: 0 };

/** The UTC day of an instant, `2026-01-31`. */
export function dayOf(nowMs: number): string {
  return new Date(nowMs).toISOString().slice(0, 10);
}

function nextDay(nowMs: number): number {
  return (Math.floor(nowMs / dayMs) + 1) * dayMs;
}

function exceeded(budget: NonNullable<FunctionSpec['budget']>, spent: Spending): string | undefined {
  const { invocations, egress, cpu } = budget;
  if (invocations !== undefined && spent.invocations >= invocations)
    return `the budget of ${invocations} invocations a day is used up`;
  if (egress !== undefined && spent.egressBytes >= egress)
    return `the budget of ${egress} bytes of egress a day is used up`;
  if (cpu !== undefined && spent.cpuMs >= cpu)
    return `the budget of ${cpu} ms of processor time a day is used up`;
  return undefined;
}

/** What one check found. `text` goes on from the check: `answered 500`. */
export type CheckResult = { readonly isGood: boolean; readonly text: string };

export type HealthState = {
  /** `starting`: no good check yet, within the grace. */
  readonly verdict: 'starting' | 'well' | 'unhealthy';
  /** Bad checks in a row; those before the first good one do not count. */
  readonly failures: number;
  readonly last?: CheckResult;
};

export const startingHealth: HealthState = { verdict: 'starting', failures: 0 };

export type Thresholds = {
  /** Since the start, when the check ended. */
  readonly ageMs: number;
  /** Milliseconds from the start to the first good check. */
  readonly grace: number;
  /** Bad checks in a row after which it is unhealthy. */
  readonly failures: number;
};

/** How it is after one more check. An unhealthy app stays so: it is to be started anew. */
export function afterCheck(state: HealthState, last: CheckResult, limits: Thresholds): HealthState {
  if (state.verdict === 'unhealthy') return { ...state, last };
  if (last.isGood) return { verdict: 'well', failures: 0, last };
  if (state.verdict === 'starting') {
    const verdict = limits.ageMs < limits.grace ? 'starting' : 'unhealthy';
    return { verdict, failures: 0, last };
  }
  const failures = state.failures + 1;
  return { verdict: failures < limits.failures ? 'well' : 'unhealthy', failures, last };
}

const firstPaceMs = 25;
const slowestPaceMs = 1000;

/** Until the next check: a start is noticed at once, and a slow one is not hammered. `count` checks have been made. */
export function paceMs({ verdict }: HealthState, count: number, everyMs: number): number {
  if (verdict !== 'starting') return everyMs;
  return Math.min(everyMs, slowestPaceMs, Math.round(firstPaceMs * 1.3 ** Math.min(count, 30)));
}

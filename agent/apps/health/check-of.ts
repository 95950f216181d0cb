import type { HealthSpec } from '../../../manifests/app.ts';
import type { Instance } from '../ports.ts';
import { checkExec } from './exec-check.ts';
import type { CheckResult } from './health-state.ts';
import { checkHttp } from './http-check.ts';
import { checkTcp } from './tcp-check.ts';

export type Check = {
  /** For people: `http http://127.0.0.1:8080/healthz`. */
  readonly name: string;
  /** One check, within its time. Rejects with the signal's reason only. */
  readonly run: (signal: AbortSignal) => Promise<CheckResult>;
};

/** What a health section says of this instance. */
export function checkOf(health: HealthSpec, instance: Pick<Instance, 'exec'>): Check {
  const { timeout } = health;
  if ('http' in health)
    return timed(`http ${health.http}`, timeout, (signal) => checkHttp(health.http, signal));
  if ('tcp' in health) return timed(`tcp ${health.tcp}`, timeout, (signal) => checkTcp(health.tcp, signal));
  return timed(`exec ${health.exec.join(' ')}`.slice(0, 200), timeout, (signal) =>
    checkExec(instance, health.exec, { timeoutMs: timeout, signal }),
  );
}

function timed(name: string, timeoutMs: number, run: Check['run']): Check {
  return {
    name,
    async run(signal) {
      const timeout = AbortSignal.timeout(timeoutMs);
      const result = await run(AbortSignal.any([signal, timeout]));
      signal.throwIfAborted();
      if (result.isGood || !timeout.aborted) return result;
      return { isGood: false, text: `did not answer within ${timeoutMs} ms` };
    },
  };
}

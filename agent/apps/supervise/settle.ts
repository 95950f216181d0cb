import { AgentError } from '../../errors.ts';
import type { AppEntry } from './app-entry.ts';
import type { Clock } from './clock.ts';

export type SettleOptions = {
  readonly entries: () => ReadonlyMap<string, AppEntry>;
  /** Resolves at the next change of any of them. */
  readonly changed: () => Promise<unknown>;
  /** How long an app is to have run, and still be well. */
  readonly steadyMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
};

/** How often it looks, changes apart: some verdicts come with time alone. */
const lookEveryMs = 250;
/** A last line may come after the end of what wrote it. */
const lastLineMs = 300;

/** Resolves when every app is well. Rejects with AgentError 'unhealthy' when one will not be, or with the signal's reason. */
export async function settle({ entries, changed, steadyMs, clock, signal }: SettleOptions): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    const change = changed();
    const nowMs = clock.now();
    const all = [...entries().values()];
    const verdicts = all.map((entry) => [entry, entry.verdict(nowMs)] as const);
    for (const [entry, verdict] of verdicts)
      if (verdict.kind === 'unhealthy') throw await explain(entry, verdict.text, { clock, signal });
    const areWell = verdicts.every(([, { kind }]) => kind === 'well');
    if (areWell && all.every((entry) => isSteady(entry, nowMs - steadyMs))) return;
    await untilEither(change, { clock, signal });
  }
}

/** Whether it has run since `sinceMs`; what does not run has nothing to wait for. */
function isSteady({ app }: AppEntry, sinceMs: number): boolean {
  const { phase } = app.state;
  return phase.kind !== 'running' || phase.sinceMs <= sinceMs;
}

async function untilEither(
  change: Promise<unknown>,
  { clock, signal }: Pick<SettleOptions, 'clock' | 'signal'>,
): Promise<void> {
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  await Promise.race([change, clock.sleep(lookEveryMs, either).catch(() => undefined)]);
  over.abort();
}

async function explain(
  { app }: AppEntry,
  text: string,
  { clock, signal }: Pick<SettleOptions, 'clock' | 'signal'>,
): Promise<AgentError> {
  if (app.lastLine === undefined) await clock.sleep(lastLineMs, signal).catch(() => undefined);
  const line = app.lastLine === undefined ? '' : `; last line: ${app.lastLine}`;
  // What a start was refused with names the app itself.
  const whole = app.state.lastEnd?.kind === 'startFailed' ? text : `App ${app.wanted.name} ${text}`;
  return new AgentError('unhealthy', `${whole}${line}`);
}

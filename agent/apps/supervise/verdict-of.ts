import type { AppState } from './app-state.ts';

export type Trial = {
  /** Ends before the generation that is on trial. */
  readonly endsBefore: number;
  /** It replaces one that ran: what the device lacks for it now speaks against the change. */
  readonly isReplacement: boolean;
  /** How long it may wait for a port. Milliseconds. */
  readonly patienceMs: number;
};

export type Verdict =
  | { readonly kind: 'well' }
  | { readonly kind: 'pending' }
  /** Goes on from the app's name. */
  | { readonly kind: 'unhealthy'; readonly text: string };

const well: Verdict = { kind: 'well' };
const pending: Verdict = { kind: 'pending' };
/** One crash may be of its neighbours' start; two are its own. */
const endsAllowed = 1;

/** Whether an app is as its generation wants it. Pure. */
export function verdictOf(state: AppState, trial: Trial, nowMs: number): Verdict {
  const { phase, ends, lastEnd } = state;
  const failed = lastEnd && ends > trial.endsBefore && !lastEnd.isGood ? lastEnd : undefined;
  if (failed && (failed.kind !== 'exited' || ends - trial.endsBefore > endsAllowed))
    return { kind: 'unhealthy', text: failed.text };
  switch (phase.kind) {
    case 'running':
      return phase.isWell ? well : pending;
    case 'ended':
      return phase.end.isGood ? well : { kind: 'unhealthy', text: phase.end.text };
    case 'stopped':
      // What was halted for an update starts with the next generation.
      return phase.by === 'operator' ? well : pending;
    case 'waiting':
      return waitingVerdict(phase, trial, nowMs);
    case 'backingOff':
      // An app that ends well again and again does what it is there for.
      return failed ? pending : well;
    case 'starting':
    case 'ailing':
    case 'stopping':
      return pending;
    default:
      return phase satisfies never;
  }
}

function waitingVerdict(
  { obstacle, sinceMs }: Extract<AppState['phase'], { kind: 'waiting' }>,
  { isReplacement, patienceMs }: Trial,
  nowMs: number,
): Verdict {
  const waits: Verdict = { kind: 'unhealthy', text: obstacle?.message ?? 'has not started' };
  // A secret is the device's: an app that is new here may wait for it.
  if (obstacle?.kind === 'secret') return isReplacement ? waits : well;
  return obstacle?.kind === 'port' && nowMs - sinceMs > patienceMs ? waits : pending;
}

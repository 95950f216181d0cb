import type { Condition, Desired, Phase } from '../../cloud-sync/protocol/messages.ts';
import type { AgentState } from './state-schema.ts';

export type Offer = {
  readonly desired: Desired;
  /** Said just now by somebody, rather than kept for whoever connects or asks. */
  readonly live: boolean;
  /** Milliseconds since the last attempt at anything ended. */
  readonly restedMs: number;
};

export type Verdict =
  | { readonly kind: 'newer' | 'again' | 'known' }
  /** The same generation, which has to wait for less. */
  | { readonly kind: 'released'; readonly observed: Desired }
  | { readonly kind: 'refused'; readonly condition: Condition };

/** A generation that could not be fetched is tried again without being asked, but not more often than this. */
const restMs = 60_000;

/** What to do with a pointer: the newest accepted generation is a floor. */
export function judgeOffer({ observed, phase }: AgentState, { desired, live, restedMs }: Offer): Verdict {
  if (!observed || desired.generation > observed.generation) return { kind: 'newer' };
  if (desired.generation < observed.generation) {
    return refuse(
      desired,
      `it is older than generation ${observed.generation}, which this device has already accepted`,
    );
  }
  if (observed.digest !== desired.digest) {
    return refuse(
      desired,
      `this device knows generation ${desired.generation} with digest ${observed.digest}`,
    );
  }
  // The same pointer said again is the operator's "try once more"; a kept one comes with every connection.
  const again = live ? isGivenUp(phase) : phase === 'failed' && restedMs >= restMs;
  if (again) return { kind: 'again' };
  const less = released(observed, desired);
  return less ? { kind: 'released', observed: less } : { kind: 'known' };
}

/** Leave to go live is only ever given: what the cloud keeps may be older than what was said here. */
function released(observed: Desired, { hold, now }: Desired): Desired | undefined {
  const { hold: wasHeld, now: wasNow, ...rest } = observed;
  const isHeld = wasHeld === true && hold === true;
  const isNow = wasNow === true || now === true;
  if (isHeld === (wasHeld === true) && isNow === (wasNow === true)) return undefined;
  return { ...rest, ...(isHeld && { hold: true }), ...(isNow && { now: true }) };
}

function isGivenUp(phase: Phase | null): boolean {
  return phase === 'failed' || phase === 'rejected' || phase === 'rolledBack';
}

function refuse({ generation }: Desired, why: string): Verdict {
  const message = `Generation ${generation} was refused: ${why}.`;
  return { kind: 'refused', condition: { type: 'Refused', status: true, reason: 'Refused', message } };
}

import { errorMessage } from '../../lib/error-code.ts';
import type { FailureNote, Operation } from '../streams/operations.ts';
import { messageIdOf } from './invocation-of.ts';
import type { InvocationResult } from './ports.ts';
import { judge, retryDelayMs } from './retry-policy.ts';
import type { Slot, Window } from './window.ts';

/** What becomes of an event after an attempt. Times in milliseconds since 1970. */
export type Fate =
  | { readonly kind: 'finished' }
  /** Its own failure, counted on disk. */
  | { readonly kind: 'retried'; readonly attempts: number; readonly notBefore: number }
  /** Nobody's fault that it knows of: tried again, not counted. */
  | { readonly kind: 'repeated'; readonly notBefore: number; readonly stuck: boolean }
  | { readonly kind: 'buried'; readonly attempts: number; readonly error: FailureNote }
  /** As it was: the agent stops. */
  | { readonly kind: 'left' };

export type FateOptions = {
  readonly nowMs: number;
  /** Of the manifest. */
  readonly retries: number;
  readonly random: () => number;
};

/** After an invocation that succeeded: all is done, but what the answer of a queue handler asks for again. */
export function fateOfResult(
  slot: Slot,
  { queue }: Pick<InvocationResult, 'queue'>,
  { nowMs, retries, random }: FateOptions,
): Fate {
  const wish = slot.event.kind === 'queue' && queue?.retry.find(({ id }) => id === messageIdOf(slot.event));
  if (!wish) return { kind: 'finished' };
  const attempts = slot.attempts + 1;
  if (attempts > retries) {
    const message = `The function asked for the message again after ${attempts} deliveries`;
    return { kind: 'buried', attempts, error: { code: 'retriesUsed', message } };
  }
  const delayMs = wish.delayMs ?? retryDelayMs(attempts, random);
  return { kind: 'retried', attempts, notBefore: nowMs + delayMs };
}

export function fateOfFailure(slot: Slot, error: unknown, { nowMs, retries, random }: FateOptions): Fate {
  const attempts = slot.attempts + 1;
  const innocentFailures = slot.innocentFailures + 1;
  const verdict = judge(error, { failures: attempts, innocentFailures, retries, random });
  switch (verdict.kind) {
    case 'leave':
      return { kind: 'left' };
    case 'again':
      return { kind: 'repeated', notBefore: nowMs + verdict.delayMs, stuck: verdict.stuck };
    case 'retry':
      return { kind: 'retried', attempts, notBefore: nowMs + verdict.delayMs };
    case 'bury':
      return { kind: 'buried', attempts, error: verdict.error };
    default:
      return verdict satisfies never;
  }
}

/** What a fate means on disk. */
export function operationsOf({ event }: Slot, fate: Fate, nowMs: number): Operation[] {
  const { id, function: name, page } = event;
  switch (fate.kind) {
    case 'finished':
      return [{ op: 'finish', id, function: name, page }];
    case 'retried': {
      const { attempts, notBefore } = fate;
      return [{ op: 'postpone', id, function: name, page, attempts, notBefore }];
    }
    case 'buried': {
      const { attempts, error } = fate;
      return [{ op: 'bury', id, function: name, page, attempts, time: nowMs, error }];
    }
    case 'repeated':
    case 'left':
      return [];
    default:
      return fate satisfies never;
  }
}

/** What a fate means in memory, once it is on disk. */
export function settle(window: Window, slot: Slot, fate: Fate): void {
  switch (fate.kind) {
    case 'finished':
    case 'buried': {
      window.remove(slot);
      return;
    }
    case 'retried': {
      const { attempts, notBefore } = fate;
      window.postpone(slot, { attempts, notBefore, innocentFailures: 0 }, { onDisk: true });
      return;
    }
    case 'repeated': {
      const { notBefore } = fate;
      window.postpone(slot, { notBefore, innocentFailures: slot.innocentFailures + 1 }, { onDisk: false });
      return;
    }
    case 'left': {
      window.postpone(slot, {}, { onDisk: false });
      return;
    }
    default:
      fate satisfies never;
  }
}

/** The fate could not be written: what is not on disk has not happened, so the event is tried again soon. */
export function keep(window: Window, slot: Slot, fate: Fate, nowMs: number): void {
  const soon = nowMs + 1000;
  const change =
    fate.kind === 'retried' ? { attempts: fate.attempts, notBefore: fate.notBefore } : { notBefore: soon };
  window.postpone(slot, change, { onDisk: false });
}

/** For the log. */
export function fieldsOf(slot: Slot, fate: Fate, error: unknown): Record<string, unknown> {
  const fields = { eventId: slot.event.id, attempt: slot.attempts + 1, error: errorMessage(error) };
  return 'notBefore' in fate ? { ...fields, until: new Date(fate.notBefore).toISOString() } : fields;
}

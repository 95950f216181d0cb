import { errorCode, errorMessage } from '../../lib/error-code.ts';
import type { Logger } from '../../lib/logger.ts';
import type { LocalStore } from '../streams/local-store.ts';
import type { Operation } from '../streams/operations.ts';
import type { Allowance, Usage } from './allowance.ts';
import type { Effects } from './effects.ts';
import { fateOfFailure, fateOfResult, fieldsOf, keep, operationsOf, settle, type Fate } from './fate.ts';
import { invocationOf, rememberTimeText } from './invocation-of.ts';
import type { InvocationEvent, InvocationResult } from './ports.ts';
import type { Slot, Window } from './window.ts';

export type Performed = { readonly result: InvocationResult; readonly effects: Effects };

export type EventRunsOptions = {
  readonly store: Pick<LocalStore, 'commit'>;
  readonly window: Window;
  readonly allowance: Allowance;
  /** Runs the function. What it did is in the effects, and nowhere else yet. */
  readonly perform: (event: InvocationEvent, hops: number) => Promise<Performed>;
  /** Tells local subscribers of what was committed. */
  readonly announce: (effects: Effects) => Promise<void> | undefined;
  readonly now: () => Date;
  readonly random: () => number;
  readonly logger: Logger;
};

export type Ran =
  /** It was able to run; what became of the events is on disk. */
  | { readonly kind: 'ran' }
  /** The function as such cannot run at present. */
  | { readonly kind: 'stuck'; readonly problem: string };

/** Runs queued events to their ends: each end is one commit with all that the event did. */
export class EventRuns {
  readonly #options: EventRunsOptions;
  readonly #timeText = rememberTimeText();

  constructor(options: EventRunsOptions) {
    this.#options = options;
  }

  /** Never rejects. `retries`: of the manifest. */
  async run(slots: readonly [Slot, ...Slot[]], retries: number): Promise<Ran> {
    let result: InvocationResult | undefined;
    try {
      const { perform, announce } = this.#options;
      const performed = await perform(invocationOf(slots, this.#timeText), hopsOf(slots));
      result = performed.result;
      await this.#conclude(slots, performed, retries);
      await announce(performed.effects);
      return { kind: 'ran' };
    } catch (error) {
      if (errorCode(error) === 'gone') return this.#gone(slots);
      // What it used is owed already when its commit failed.
      return this.#failed(slots, error, { retries, usage: result ? undefined : usageOf(error) });
    }
  }

  /** [G1] One transaction: the end of the events and everything done. A crash before it leaves no trace of the attempt. */
  async #conclude(slots: readonly Slot[], { result, effects }: Performed, retries: number): Promise<void> {
    const { store, window, allowance, now, random, logger } = this.#options;
    const nowMs = now().getTime();
    const fates = slots.map((slot) => fateOfResult(slot, result, { nowMs, retries, random }));
    const bill = allowance.bill(nowMs, result);
    try {
      await store.commit([...endings(slots, fates, nowMs), ...bill, ...effects.operations(nowMs)]);
    } catch (error) {
      allowance.owe(bill);
      throw error;
    }
    for (const [index, slot] of slots.entries()) {
      const fate = fates[index] ?? { kind: 'left' };
      if (fate.kind === 'buried') logger.error('function.deadLetter', fieldsOf(slot, fate, fate.error));
      settle(window, slot, fate);
    }
  }

  /** Another function has them meanwhile, or nobody: nothing of the attempt counts. Others of them are read again. */
  #gone(slots: readonly Slot[]): Ran {
    const { window } = this.#options;
    for (const slot of slots) window.remove(slot);
    window.reread();
    return { kind: 'ran' };
  }

  async #failed(
    slots: readonly Slot[],
    error: unknown,
    { retries, usage }: { retries: number; usage: Usage | undefined },
  ): Promise<Ran> {
    const { store, window, allowance, now, random, logger } = this.#options;
    const nowMs = now().getTime();
    const fates = slots.map((slot) => fateOfFailure(slot, error, { nowMs, retries, random }));
    for (const [index, slot] of slots.entries()) {
      const fate = fates[index];
      if (fate === undefined || fate.kind === 'left') continue;
      const fields = { ...fieldsOf(slot, fate, error), code: errorCode(error) };
      if (fate.kind === 'buried') logger.error('function.deadLetter', fields);
      else if (fields.code === 'corrupt') logger.error('function.queue.unreadable', fields);
      else logger.warn('function.failed', fields);
    }
    const bill = usage ? allowance.bill(nowMs, usage) : allowance.debt(nowMs);
    let settling = settle;
    try {
      // Attempts are counted on disk, so that restarts do not give a poisonous event new ones.
      await store.commit([...endings(slots, fates, nowMs), ...bill]);
    } catch (failure) {
      allowance.owe(bill);
      if (errorCode(failure) === 'gone') return this.#gone(slots);
      // The event stays as it is, and holds the function up: nothing that it runs can be written.
      if (errorCode(failure) === 'corrupt' && errorCode(error) !== 'corrupt')
        return this.#failed(slots, failure, { retries, usage: undefined });
      settling = (memory, slot, fate) => keep(memory, slot, fate, nowMs);
      logger.warn('function.failure.uncounted', { error: errorMessage(failure) });
    }
    for (const [index, slot] of slots.entries()) settling(window, slot, fates[index] ?? { kind: 'left' });
    const stuck = fates.some((fate) => fate.kind === 'repeated' && fate.stuck);
    return stuck ? { kind: 'stuck', problem: errorMessage(error) } : { kind: 'ran' };
  }
}

function endings(slots: readonly Slot[], fates: readonly Fate[], nowMs: number): Operation[] {
  return slots.flatMap((slot, index) => operationsOf(slot, fates[index] ?? { kind: 'left' }, nowMs));
}

function hopsOf(slots: readonly [Slot, ...Slot[]]): number {
  let hops = 0;
  for (const { event } of slots) hops = Math.max(hops, event.hops);
  return hops;
}

/** What the runtime says of an invocation that failed; undefined when none had begun. */
export function usageOf(error: unknown): Usage | undefined {
  if (typeof error !== 'object' || error === null || !('usage' in error)) return undefined;
  return error.usage as Usage | undefined;
}

/* eslint @typescript-eslint/await-thenable: off -- awaiting a promise asks its constructor, which is the tenant's to bend. */
import type { Op } from './ops.ts';
import type { Outbox } from './outbox.ts';
import type { Enter, Invocation } from './types.ts';

/** Turns of the microtask queue that the next op waits for an invocation: to its end, or while it does not wait for the host. */
const maxTurns = 1000;
const maxTurnsWaiting = 16;

export type EnterTools = {
  readonly readOps: (heads: string, texts: string, bytes?: Uint8Array) => () => Op | undefined;
  /** Starts it and gives the invocation it belongs to, when that is still there. */
  readonly perform: (op: Op) => Invocation | undefined;
  /** Tells of an exception that nobody caught. */
  readonly report: (error: unknown) => void;
  readonly outbox: Pick<Outbox, 'hold' | 'release'>;
};

/**
 * Performs the ops of an entry one after another and then sends what came of them in one message. Each invocation runs to its end,
 * or to where it waits for the host, before the next op begins, so that what it logs and the timers it sets are its own.
 */
export function makeEnter({ readOps, perform, report, outbox }: EnterTools): Enter {
  const rest = async (invocation: Invocation) => {
    for (let turn = 0; !invocation.ended && turn < maxTurns; turn++) {
      const waits = invocation.waiting > 0 || invocation.timers > 0;
      if (waits && turn >= maxTurnsWaiting) return;
      await undefined;
    }
  };
  /** What a timer throws is nobody's to catch; the next op goes on. */
  const attempt = (op: Op): Invocation | undefined => {
    try {
      return perform(op);
    } catch (error) {
      try {
        report(error);
      } catch {
        // What was thrown, or what showing it uses, is bent: there is nothing to tell.
      }
      return undefined;
    }
  };
  const work = async (next: () => Op | undefined, inline: boolean) => {
    outbox.hold(inline);
    try {
      for (let op = next(); op; op = next()) {
        const invocation = attempt(op);
        if (invocation && !invocation.ended) await rest(invocation);
      }
    } finally {
      outbox.release();
    }
  };
  return (heads, texts, bytes, inline) => {
    void work(readOps(heads, texts, bytes), inline);
  };
}

import type { Op } from './entry.ts';

/** Payload in one step, beyond its last op. */
const stepBytes = 256 * 1024;
/** Ops that were taken and are let go of together. */
const compactAt = 256;

export type TakeOptions = {
  readonly isLive: (invocation: number) => boolean;
  /** How many ops a step may have that has this one. */
  readonly most: (op: Op) => number;
};

/** What waits to go into an isolate, in order. */
export class OpQueue {
  #ops: Op[] = [];
  /** Where those that wait begin. */
  #head = 0;

  get isEmpty(): boolean {
    return this.#head === this.#ops.length;
  }

  push(op: Op): void {
    this.#ops.push(op);
  }

  /** The ops of the next step. Those of invocations that have ended are left out; what they leave inside must still be forgotten. */
  take({ isLive, most }: TakeOptions): Op[] {
    const taken: Op[] = [];
    let bytes = 0;
    let limit = Infinity;
    for (; this.#head < this.#ops.length; this.#head++) {
      const op = this.#ops[this.#head];
      if (!op || taken.length >= limit || bytes >= stepBytes) break;
      if (op.op !== 'forget' && !isLive(op.invocation)) continue;
      taken.push(op);
      if (op.op === 'invoke' || op.op === 'reply') bytes += op.payload?.byteLength ?? 0;
      limit = Math.min(limit, most(op));
    }
    if (this.isEmpty || this.#head >= compactAt) {
      this.#ops = this.#ops.slice(this.#head);
      this.#head = 0;
    }
    return taken;
  }
}

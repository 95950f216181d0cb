import type { DailyBytes } from '../streams/stream-operations.ts';

const dayMs = 86_400_000;

/** Bytes of payloads and topics that go a UTC day. A message larger than a day's budget goes alone when the day begins. */
export class DailyBudget {
  #spent: DailyBytes;

  /** `spent`: as it is on disk. */
  constructor(spent: DailyBytes) {
    this.#spent = spent;
  }

  /** What to write down with the next ack. */
  get spent(): DailyBytes {
    return this.#spent;
  }

  spend(bytes: number, now: Date): void {
    this.#spent = { day: dayOf(now), bytes: this.#today(now) + bytes };
  }

  /** What may go today still, `reserved` being about to go; undefined without a budget. */
  left(
    budget: number | undefined,
    now: Date,
    reserved = 0,
  ): { readonly bytes: number; readonly fresh: boolean } | undefined {
    if (budget === undefined) return undefined;
    const gone = this.#today(now) + reserved;
    return { bytes: Math.max(0, budget - gone), fresh: gone === 0 };
  }

  #today(now: Date): number {
    return this.#spent.day === dayOf(now) ? this.#spent.bytes : 0;
  }
}

export function msToNextDay(now: Date): number {
  return dayMs - (now.getTime() % dayMs);
}

function dayOf(time: Date): string {
  return time.toISOString().slice(0, 10);
}

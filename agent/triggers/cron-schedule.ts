import { createTask, parse } from 'node-cron';
import { nextOffsetChange, zoneOffset, type ZoneOffset } from './zone-offset.ts';

const secondMs = 1000;
const dayMs = 86_400_000;
/** An expression that does not come true within it never does: 29 February on a Monday comes every 28 years, or 40. */
const maxDays = 366 * 100;

/**
 * When a cron expression runs. Its fields and days are read as node-cron reads them: both the day of the month and the day
 * of the week must match. Where clocks change, an expression with given hours runs once a day: at the end of the gap when its
 * time is left out, the first time when it comes twice. One with `*` hours follows the clock.
 */
export class CronSchedule {
  readonly #wall: WallClock;
  readonly #offsetAt: ZoneOffset;
  readonly #fixedHours: boolean;

  /** Throws when the expression or the zone is wrong. `timezone`: the machine's own when left out. */
  constructor(expression: string, timezone: string | undefined) {
    this.#wall = new WallClock(expression);
    this.#offsetAt = zoneOffset(timezone);
    this.#fixedHours = !(expression.trim().split(/\s+/).at(-4) ?? '*').includes('*');
  }

  /** The first run after an instant; milliseconds since 1970. Undefined when there is none in the next hundred years. */
  next(after: number): number | undefined {
    let from = (Math.floor(after / secondMs) + 1) * secondMs;
    if (this.#isEndOfGap(from)) return from;
    for (;;) {
      const offset = this.#offsetAt(from);
      const local = this.#wall.next(from + offset);
      if (local === undefined) return undefined;
      const change = nextOffsetChange(this.#offsetAt, from, from + dayMs);
      const end = change ?? from + dayMs;
      const run = local - offset;
      if (run < end) {
        if (!this.#fixedHours || !this.#isRepeated(run, local, offset)) return run;
        from = run + secondMs;
      } else if (change === undefined) {
        // Sparse schedules: nothing comes before the day around it, whatever the clocks do meanwhile.
        from = Math.max(end, run - dayMs);
      } else {
        if (this.#fixedHours && this.#isLeftOut(local, change)) return change;
        from = change;
      }
    }
  }

  /** The newest runs in (after, until], at most `count` of them, oldest first. */
  latest({ after, until, count }: { after: number; until: number; count: number }): number[] {
    for (let spanMs = 60_000; ; spanMs *= 8) {
      const start = Math.max(after, until - spanMs);
      const found: number[] = [];
      for (let run = this.next(start); run !== undefined && run <= until; run = this.next(run)) {
        found.push(run);
        if (found.length > count) found.shift();
      }
      if (found.length === count || start === after) return found;
    }
  }

  /** The clock was set back and shows this time for the second time. */
  #isRepeated(run: number, local: number, offset: number): boolean {
    const before = this.#offsetAt(run - 3 * 3_600_000);
    return before > offset && this.#offsetAt(local - before) === before;
  }

  /** The clock goes forward at this very second, over a time at which it would run. */
  #isEndOfGap(at: number): boolean {
    const before = this.#offsetAt(at - secondMs);
    if (!this.#fixedHours || this.#offsetAt(at) <= before) return false;
    const local = this.#wall.next(at + before);
    return local !== undefined && this.#isLeftOut(local, at);
  }

  /** The clock goes forward at `change` and never shows this time. */
  #isLeftOut(local: number, change: number): boolean {
    return local < change + this.#offsetAt(change);
  }
}

/** Matches wall-clock times, written as if they were UTC. */
class WallClock {
  readonly #seconds: readonly number[];
  readonly #minutes: readonly number[];
  readonly #hours: readonly number[];
  readonly #months: ReadonlySet<number>;
  readonly #matchesDay: (noon: Date) => boolean;
  #lastDay: { readonly day: number; readonly matches: boolean } | undefined;

  constructor(expression: string) {
    const { second, minute, hour, month } = parse(expression);
    this.#seconds = ascending(second);
    this.#minutes = ascending(minute);
    this.#hours = ascending(hour);
    this.#months = new Set(month);
    const days = expression.trim().split(/\s+/).slice(-3).join(' ');
    const task = createTask(`* * ${days}`, () => undefined, { timezone: 'UTC' });
    // It is never started: it only knows what L, W and # mean. Destroyed, it leaves the library's list and still matches.
    void task.destroy();
    this.#matchesDay = (noon) => task.match(noon);
  }

  /** The first match that is not before `from`, a whole second. */
  next(from: number): number | undefined {
    let day = Math.floor(from / dayMs);
    for (let rest = from - day * dayMs, last = day + maxDays; day < last; rest = 0) {
      const date = new Date(day * dayMs);
      if (!this.#months.has(date.getUTCMonth() + 1)) {
        day = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1) / dayMs;
        continue;
      }
      const time = this.#isDay(day) ? this.#timeFrom(rest) : undefined;
      if (time !== undefined) return day * dayMs + time;
      day++;
    }
    return undefined;
  }

  #isDay(day: number): boolean {
    if (this.#lastDay?.day !== day)
      this.#lastDay = { day, matches: this.#matchesDay(new Date(day * dayMs + dayMs / 2)) };
    return this.#lastDay.matches;
  }

  /** Of a day, in milliseconds. */
  #timeFrom(earliest: number): number | undefined {
    for (const hour of this.#hours) {
      if ((hour + 1) * 3_600_000 <= earliest) continue;
      for (const minute of this.#minutes) {
        const start = hour * 3_600_000 + minute * 60_000;
        if (start + 60_000 <= earliest) continue;
        const second = this.#seconds.find((value) => start + value * secondMs >= earliest);
        if (second !== undefined) return start + second * secondMs;
      }
    }
    return undefined;
  }
}

function ascending(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b);
}

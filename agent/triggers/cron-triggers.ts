import { errorMessage } from '../../lib/error-code.ts';
import type { Logger } from '../../lib/logger.ts';
import type { FunctionSpec } from '../../manifests/function.ts';
import { AgentError } from '../errors.ts';
import type { LocalStore } from '../streams/local-store.ts';
import type { Operation } from '../streams/operations.ts';
import type { Plan } from '../streams/trigger-reads.ts';
import { CronSchedule } from './cron-schedule.ts';
import { dueRuns, type MissedRuns } from './planned-runs.ts';

export type CronTriggersOptions = {
  readonly store: Pick<LocalStore, 'commit' | 'counts' | 'plans'>;
  readonly now: () => Date;
  /** Milliseconds of a clock that never goes back. Default performance.now. */
  readonly uptimeMs?: () => number;
  readonly logger: Logger;
};

type Entry = {
  readonly name: string;
  readonly cron: string;
  /** What the plan is kept under: the same expression in the same zone goes on where it was. */
  readonly key: string;
  readonly schedule: CronSchedule;
  readonly missed: MissedRuns;
  readonly capacity: number;
};

type Followed = Entry & {
  /** On disk: up to here every run has been looked at; milliseconds since 1970. */
  planned: number;
  /** The same by the clock of now: earlier than `planned` while the clock stands far behind it. */
  reached: number;
  /** By the clock of now. */
  next: number;
  /** When the clock was found far behind; milliseconds of a clock that never goes back. */
  behindSince: number | undefined;
  /** The store has refused the last run, and the log says so. */
  isDelayed: boolean;
};

/** How long it sleeps at most, so that a clock that is set forward is noticed. */
const longestSleepMs = 30_000;
/** A clock that was set back by no more than this catches up: what it shows for the second time has been run. */
const catchUpMs = 3_600_000;
/** For so long a clock that was set back further is not believed: what is on disk stays the latest known time. */
const disbeliefMs = 86_400_000;

/**
 * Turns cron expressions into durable events. The last planned run is remembered in the commit that enqueues its event, so
 * that no run comes twice and a missed one is found: after a start, a sleep, or when the clock is set forward. While the
 * clock stands far behind what is remembered (a machine that boots in 1970), schedules go by it, and nothing counts as missed.
 */
export class CronTriggers implements AsyncDisposable {
  readonly #options: Required<CronTriggersOptions>;
  #entries: readonly Followed[] = [];
  #key = '';
  #timer: NodeJS.Timeout | undefined;
  #working: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: CronTriggersOptions) {
    this.#options = { uptimeMs: () => performance.now(), ...options };
  }

  /** Rejects with AgentError 'badInput' and changes nothing when an expression is wrong. */
  async configure(functions: Readonly<Record<string, FunctionSpec>>): Promise<void> {
    const described = Object.entries(functions).map(([name, { on, limits }]) => [name, on, limits.queue]);
    const key = JSON.stringify(described);
    if (key === this.#key) return;
    const entries = entriesOf(functions);
    clearTimeout(this.#timer);
    await this.#working;
    this.#entries = await this.#follow(entries);
    this.#key = key;
    this.#work();
    await this.#working;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#working;
  }

  /** A schedule that is known goes on where it was, a new one begins now, one that is gone is forgotten. */
  async #follow(entries: readonly Entry[]): Promise<Followed[]> {
    const { store, now, logger } = this.#options;
    const nowMs = now().getTime();
    const plans = await store.plans();
    const isOf = (entry: Entry, plan: Plan): boolean =>
      entry.name === plan.function && entry.key === plan.schedule;
    const gone = plans.filter((plan) => !entries.some((entry) => isOf(entry, plan)));
    const operations: Operation[] = gone.map((plan) => ({ op: 'plan', ...plan, planned: undefined }));
    const followed = entries.map((entry) => {
      const known = plans.find((plan) => isOf(entry, plan))?.planned;
      if (known === undefined) operations.push(planOf(entry, nowMs));
      const planned = known ?? nowMs;
      return {
        ...entry,
        planned,
        reached: planned,
        next: Number.NEGATIVE_INFINITY,
        behindSince: undefined,
        isDelayed: false,
      };
    });
    await store.commit(operations).catch((error: unknown) => {
      // The first run of each writes it.
      logger.warn('cron.plan.unwritten', { error: errorMessage(error) });
    });
    return followed;
  }

  #work(): void {
    this.#working = this.#runDue().then(() => {
      if (this.#closed || this.#entries.length === 0) return;
      const nowMs = this.#options.now().getTime();
      let sleepMs = longestSleepMs;
      for (const { next } of this.#entries) sleepMs = Math.min(sleepMs, next - nowMs);
      this.#timer = setTimeout(() => this.#work(), Math.max(0, sleepMs));
    });
  }

  /** Never rejects. As many commits at once as the manifest has schedules: they share a transaction. */
  async #runDue(): Promise<void> {
    const nowMs = this.#options.now().getTime();
    const due = this.#entries.filter((entry) => {
      this.#readClock(entry, nowMs);
      return nowMs >= entry.next;
    });
    await Promise.all(due.map((entry) => this.#run(entry, nowMs)));
  }

  #readClock(entry: Followed, nowMs: number): void {
    const { uptimeMs, logger } = this.#options;
    if (nowMs < entry.reached - catchUpMs) {
      entry.reached = nowMs;
      entry.next = Number.NEGATIVE_INFINITY;
      entry.behindSince ??= uptimeMs();
      logger.warn('cron.clock.behind', {
        function: entry.name,
        latest: new Date(entry.planned).toISOString(),
      });
    }
    const isBelieved = entry.behindSince !== undefined && uptimeMs() - entry.behindSince > disbeliefMs;
    if (isBelieved) entry.planned = entry.reached;
    if (isBelieved || nowMs >= entry.planned) entry.behindSince = undefined;
    // The clock is right again: what lies between was never looked at.
    if (nowMs >= entry.planned) entry.reached = Math.max(entry.reached, entry.planned);
  }

  async #run(entry: Followed, nowMs: number): Promise<void> {
    const { schedule, reached, behindSince, missed } = entry;
    const policy = behindSince === undefined ? missed : 'skip';
    const { runs, planned } = dueRuns(schedule, { planned: reached, nowMs, missed: policy });
    try {
      if (planned > reached) await this.#commit(entry, runs, Math.max(planned, entry.planned));
      entry.isDelayed = false;
      entry.reached = planned;
      entry.planned = Math.max(entry.planned, planned);
      entry.next = schedule.next(Math.max(planned, nowMs)) ?? Number.POSITIVE_INFINITY;
    } catch (error) {
      entry.next = nowMs + 1000;
      const fields = { function: entry.name, cron: entry.cron, error: errorMessage(error) };
      if (!entry.isDelayed) this.#options.logger.error('cron.delayed', fields);
      entry.isDelayed = true;
    }
  }

  async #commit(entry: Entry, runs: readonly number[], planned: number): Promise<void> {
    const { store, logger } = this.#options;
    const { name, cron, capacity } = entry;
    const room = Math.max(0, capacity - store.counts.queued(name));
    const taken = room === 0 ? [] : runs.slice(-room);
    const enqueues = taken.map((time): Operation => {
      const event = { function: name, kind: 'scheduled', topic: cron, payload: new Uint8Array() } as const;
      return { op: 'enqueue', event: { ...event, time, hops: 0 }, capacity };
    });
    await store.commit([...enqueues, planOf(entry, planned)]);
    const fields = { function: name, cron, planned: new Date(planned).toISOString() };
    if (runs.length === 0) logger.info('cron.missed', fields);
    if (taken.length < runs.length)
      logger.warn('cron.skipped', { ...fields, count: runs.length - taken.length, reason: 'queue full' });
  }
}

function planOf({ name, key }: Entry, planned: number): Operation {
  return { op: 'plan', function: name, schedule: key, planned };
}

/** An expression that a function names twice runs once. */
function entriesOf(functions: Readonly<Record<string, FunctionSpec>>): Entry[] {
  const entries = new Map<string, Entry>();
  for (const [name, { on, limits }] of Object.entries(functions))
    for (const trigger of on) {
      if (!('cron' in trigger)) continue;
      const { cron, timezone, missed } = trigger;
      const key = `${cron} ${timezone ?? 'local'}`;
      const schedule = scheduleOf(name, cron, timezone);
      entries.set(`${name} ${key}`, { name, cron, key, schedule, missed, capacity: limits.queue });
    }
  return [...entries.values()];
}

function scheduleOf(name: string, cron: string, timezone: string | undefined): CronSchedule {
  try {
    return new CronSchedule(cron, timezone);
  } catch (cause) {
    throw new AgentError('badInput', `Cannot schedule ${name} at "${cron}": ${errorMessage(cause)}`, {
      cause,
    });
  }
}

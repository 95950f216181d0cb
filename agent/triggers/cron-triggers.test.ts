import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { createLogger } from '../../lib/logger.ts';
import type { FunctionSpec } from '../../manifests/function.ts';
import { machineSchema } from '../../manifests/machine.ts';
import { Ledger } from '../streams/ledger.ts';
import type { Operation } from '../streams/operations.ts';
import { CronTriggers } from './cron-triggers.ts';

beforeEach(() => void jest.useFakeTimers({ doNotFake: ['performance'] }));
afterEach(() => void jest.useRealTimers());

const bundle = `r.example.com/a/b@sha256:${'a'.repeat(64)}`;

function functionsWith(trigger: object, limits: object = {}): Record<string, FunctionSpec> {
  return machineSchema.parse({
    apiVersion: 'holdfast/v1',
    kind: 'Machine',
    metadata: { name: 'device' },
    functions: { f: { bundle, on: [trigger], limits } },
  }).functions;
}

/** A disk that outlives its triggers, and a clock that is set as a test wants. */
class Bench {
  readonly runs: string[] = [];
  readonly logged: string[] = [];
  readonly plans = new Map<string, number>();
  nowMs: number;
  uptimeMs = 0;
  queued = 0;
  broken = false;

  constructor(now: string) {
    this.nowMs = Date.parse(now);
  }

  async start(trigger: object, limits: object = {}): Promise<CronTriggers> {
    const triggers = new CronTriggers({
      store: {
        counts: Object.assign(new Ledger(), { queued: () => this.queued }),
        commit: (operations) => this.#commit(operations),
        plans: () =>
          Promise.resolve(
            [...this.plans].map(([schedule, planned]) => ({ function: 'f', schedule, planned })),
          ),
      },
      now: () => new Date(this.nowMs),
      uptimeMs: () => this.uptimeMs,
      logger: createLogger(({ event }) => this.logged.push(event)),
    });
    await triggers.configure(functionsWith(trigger, limits));
    return triggers;
  }

  /** Time passes as it does, on both clocks. */
  async pass(milliseconds: number): Promise<void> {
    for (let left = milliseconds; left > 0; left -= 1000) {
      const step = Math.min(left, 1000);
      this.nowMs += step;
      this.uptimeMs += step;
      await jest.advanceTimersByTimeAsync(step);
    }
  }

  /** What ran since the last look. */
  take(): string[] {
    return this.runs.splice(0);
  }

  #commit(operations: readonly Operation[]): Promise<void> {
    if (this.broken) return Promise.reject(new Error('the disk is full'));
    for (const operation of operations) {
      if (operation.op === 'enqueue')
        this.runs.push(new Date(operation.event.time).toISOString().slice(0, 19));
      else if (operation.op !== 'plan') throw new Error(operation.op);
      else if (operation.planned === undefined) this.plans.delete(operation.schedule);
      else this.plans.set(operation.schedule, operation.planned);
    }
    return Promise.resolve();
  }
}

const every5 = { cron: '*/5 * * * *', timezone: 'UTC' };

test('runs come at their times, each once', async () => {
  const bench = new Bench('2026-01-01T11:58:00Z');
  await using _ = await bench.start(every5);
  await bench.pass(10 * 60_000);
  expect(bench.take()).toEqual(['2026-01-01T12:00:00', '2026-01-01T12:05:00']);
});

test.each([
  ['skip', []],
  ['once', ['2026-01-01T12:15:00']],
  ['all', ['2026-01-01T12:05:00', '2026-01-01T12:10:00', '2026-01-01T12:15:00']],
])('runs missed while the agent was off: %s', async (missed, expected) => {
  const bench = new Bench('2026-01-01T12:00:01Z');
  await (await bench.start({ ...every5, missed }))[Symbol.asyncDispose]();
  bench.nowMs = Date.parse('2026-01-01T12:16:00Z');
  await using again = await bench.start({ ...every5, missed });
  expect(bench.take()).toEqual(expected);
  await again.configure(functionsWith({ ...every5, missed }, { queue: 7 }));
  expect(bench.take()).toEqual([]);
  await bench.pass(5 * 60_000);
  expect(bench.take()).toEqual(['2026-01-01T12:20:00']);
});

test('a run that is only a little late is on time, whatever is said of missed ones', async () => {
  const bench = new Bench('2026-01-01T12:00:01Z');
  await (await bench.start(every5))[Symbol.asyncDispose]();
  bench.nowMs = Date.parse('2026-01-01T12:05:20Z');
  await using _ = await bench.start(every5);
  expect(bench.take()).toEqual(['2026-01-01T12:05:00']);
});

test('of very many missed runs the latest hundred come, oldest first', async () => {
  const bench = new Bench('2026-01-01T12:00:00Z');
  await (await bench.start({ ...every5, missed: 'all' }))[Symbol.asyncDispose]();
  bench.nowMs = Date.parse('2036-01-01T12:00:00Z');
  await using _ = await bench.start({ ...every5, missed: 'all' });
  const runs = bench.take();
  expect(runs).toHaveLength(100);
  expect([runs[0], runs.at(-1)]).toEqual(['2036-01-01T03:45:00', '2036-01-01T12:00:00']);
});

test('a clock that is set forward while the agent runs makes missed runs, bounded', async () => {
  const bench = new Bench('2026-01-01T12:00:01Z');
  await using _ = await bench.start({ ...every5, missed: 'once' });
  bench.nowMs = Date.parse('2031-06-01T00:02:00Z');
  await bench.pass(40_000);
  expect(bench.take()).toEqual(['2031-06-01T00:00:00']);
});

test('a clock that is set back a little repeats nothing', async () => {
  const bench = new Bench('2026-01-01T12:04:59Z');
  await using _ = await bench.start(every5);
  await bench.pass(2000);
  expect(bench.take()).toEqual(['2026-01-01T12:05:00']);
  bench.nowMs -= 20 * 60_000;
  await bench.pass(26 * 60_000);
  expect(bench.take()).toEqual(['2026-01-01T12:10:00']);
});

test('a machine that boots in 1970 follows its schedules, and has no flood when its clock is set', async () => {
  const bench = new Bench('2026-01-01T12:00:01Z');
  await (await bench.start({ ...every5, missed: 'all' }))[Symbol.asyncDispose]();
  bench.nowMs = Date.parse('1970-01-01T00:01:00Z');
  await using _ = await bench.start({ ...every5, missed: 'all' });
  await bench.pass(10 * 60_000);
  expect(bench.take()).toEqual(['1970-01-01T00:05:00', '1970-01-01T00:10:00']);
  expect([...bench.plans.values()]).toEqual([Date.parse('2026-01-01T12:00:01Z')]);
  bench.nowMs = Date.parse('2026-01-01T12:11:00Z');
  await bench.pass(30_000);
  expect(bench.take()).toEqual(['2026-01-01T12:05:00', '2026-01-01T12:10:00']);
});

test('a clock that was far ahead once is believed again after a day', async () => {
  const bench = new Bench('2099-01-01T00:00:01Z');
  const hourly = { cron: '0 * * * *', timezone: 'UTC', missed: 'once' };
  await (await bench.start(hourly))[Symbol.asyncDispose]();
  bench.nowMs = Date.parse('2026-01-01T00:30:00Z');
  await using triggers = await bench.start(hourly);
  bench.uptimeMs += 24.2 * 3_600_000;
  await bench.pass(31 * 60_000);
  expect(bench.take()).toEqual(['2026-01-01T01:00:00']);
  expect([...bench.plans.values()]).toEqual([Date.parse('2026-01-01T01:00:00Z')]);
  await triggers[Symbol.asyncDispose]();
});

test('a full queue takes no run, and a broken disk gets it as soon as it can', async () => {
  const bench = new Bench('2026-01-01T12:04:00Z');
  bench.queued = 3;
  await using _ = await bench.start(every5, { queue: 3 });
  await bench.pass(2 * 60_000);
  expect(bench.take()).toEqual([]);
  bench.queued = 0;
  await bench.pass(3 * 60_000);
  bench.broken = true;
  await bench.pass(65_000 + 10_000);
  bench.broken = false;
  await bench.pass(3000);
  expect(bench.take()).toEqual(['2026-01-01T12:10:00']);
  expect(bench.logged).toEqual(['cron.skipped', 'cron.delayed']);
});

test('a schedule that is gone is forgotten', async () => {
  const bench = new Bench('2026-01-01T12:00:00Z');
  await using triggers = await bench.start(every5);
  expect([...bench.plans.keys()]).toEqual(['*/5 * * * * UTC']);
  await triggers.configure({});
  expect(bench.plans.size).toBe(0);
  await bench.pass(20 * 60_000);
  expect(bench.take()).toEqual([]);
});

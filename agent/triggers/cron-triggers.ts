import { createTask, type ScheduledTask } from 'node-cron';
import { errorMessage } from '../../lib/error-code.ts';
import type { Logger } from '../../lib/logger.ts';
import type { FunctionSpec } from '../../manifests/function.ts';
import { AgentError } from '../errors.ts';
import type { LocalStore } from '../streams/local-store.ts';

export type CronTriggersOptions = {
  readonly store: Pick<LocalStore, 'commit' | 'counts'>;
  readonly logger: Logger;
};

/**
 * Turns cron expressions into durable events. A run that fell into a time when the agent was down is skipped, and so is
 * one that finds the queue full: a schedule says when, not how often.
 */
export class CronTriggers implements AsyncDisposable {
  readonly #options: CronTriggersOptions;
  #tasks: ScheduledTask[] = [];
  #key = '';

  constructor(options: CronTriggersOptions) {
    this.#options = options;
  }

  /** Rejects with AgentError 'badInput' and changes nothing when an expression is wrong. */
  async configure(functions: Readonly<Record<string, FunctionSpec>>): Promise<void> {
    const entries = Object.entries(functions).flatMap(([name, { on, limits }]) =>
      on.flatMap((trigger) =>
        'cron' in trigger
          ? [{ name, capacity: limits.queue, cron: trigger.cron, timezone: trigger.timezone }]
          : [],
      ),
    );
    const key = JSON.stringify(entries);
    if (key === this.#key) return;
    const tasks = entries.map((entry) => this.#task(entry));
    await this.#stop();
    this.#tasks = tasks;
    this.#key = key;
    for (const task of tasks) await task.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
  }

  async #stop(): Promise<void> {
    const tasks = this.#tasks;
    this.#tasks = [];
    this.#key = '';
    for (const task of tasks) await task.destroy();
  }

  #task(entry: {
    name: string;
    capacity: number;
    cron: string;
    timezone: string | undefined;
  }): ScheduledTask {
    const { name, capacity, cron, timezone } = entry;
    const { logger } = this.#options;
    try {
      return createTask(cron, ({ date }) => this.#fire(name, { cron, capacity, date }), {
        suppressMissedWarning: true,
        logger: {
          debug: () => undefined,
          info: () => undefined,
          warn: (message) => logger.warn('cron.warning', { function: name, message }),
          error: (message) => logger.error('cron.error', { function: name, error: errorMessage(message) }),
        },
        ...(timezone !== undefined && { timezone }),
      });
    } catch (cause) {
      throw new AgentError('badInput', `Cannot schedule ${name} at "${cron}": ${errorMessage(cause)}`, {
        cause,
      });
    }
  }

  async #fire(
    name: string,
    { cron, capacity, date }: { cron: string; capacity: number; date: Date },
  ): Promise<void> {
    const { store, logger } = this.#options;
    if (store.counts.queued(name) >= capacity) {
      logger.warn('cron.skipped', { function: name, cron, reason: 'queue full' });
      return;
    }
    const event = {
      function: name,
      kind: 'scheduled',
      topic: cron,
      payload: new Uint8Array(),
      time: date.getTime(),
      hops: 0,
    } as const;
    try {
      await store.commit([{ op: 'enqueue', event, capacity }]);
    } catch (error) {
      logger.error('cron.lost', { function: name, cron, error: errorMessage(error) });
    }
  }
}

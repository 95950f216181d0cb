import { AgentError } from '../errors.ts';
import type { LocalStore } from '../streams/local-store.ts';
import type { DeadLetter } from '../streams/trigger-reads.ts';
import { dayOf } from './allowance.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { Routes } from './routes.ts';

export type FunctionControlOptions = {
  readonly store: Pick<LocalStore, 'commit' | 'counts' | 'deadLetters'>;
  readonly dispatcher: Pick<Dispatcher, 'names' | 'wake' | 'status'>;
  readonly routes: () => Routes;
  readonly now: () => Date;
};

/** `ids` of dead letters; undefined means all. */
export type Chosen = { readonly ids: readonly number[] | undefined };

export type DeadLetterPage = {
  readonly letters: readonly DeadLetter[];
  /** Where the next page begins; null when this was the last one. */
  readonly next: number | null;
};

/** Dead letters read, or dealt with in one commit, at a time. */
const pageLetters = 100;
const pageBytes = 4 * 2 ** 20;

const reasonMaxChars = 200;

/** What an operator may do with the functions of a device. Everything is on disk before it resolves. */
export class FunctionControl {
  readonly #options: FunctionControlOptions;

  constructor(options: FunctionControlOptions) {
    this.#options = options;
  }

  /** No event of it is run and no call is taken until it is resumed, over restarts. Rejects with 'unknownFunction'. */
  async pause(name: string, reason: string): Promise<void> {
    this.#check(name);
    const { store, dispatcher, now } = this.#options;
    const since = now().getTime();
    await store.commit([{ op: 'pause', function: name, since, reason: reason.slice(0, reasonMaxChars) }]);
    dispatcher.wake(name);
  }

  /** Ends a pause, and lifts a budget that is used up until the next midnight UTC. Rejects with 'unknownFunction'. */
  async resume(name: string): Promise<void> {
    this.#check(name);
    const { store, dispatcher, now } = this.#options;
    const hold = dispatcher.status()[name]?.hold;
    const day = dayOf(now().getTime());
    const isOverBudget = hold?.untilMs !== undefined;
    await store.commit([{ op: 'resume', function: name, liftedDay: isOverBudget ? day : undefined }]);
    dispatcher.wake(name);
  }

  deadCount(name: string): number {
    return this.#options.store.counts.dead(name);
  }

  /** Oldest first, those with an id greater than `after`. */
  async deadLetters(name: string, after: number): Promise<DeadLetterPage> {
    const query = { function: name, after, limit: pageLetters, maxBytes: pageBytes };
    const letters = await this.#options.store.deadLetters(query);
    const last = letters.at(-1)?.id;
    const isLast = last === undefined || (await this.#isEmpty(name, last));
    return { letters, next: isLast ? null : last };
  }

  /**
   * Puts dead letters back at the end of the queue, oldest first, as long as it has room; resolves with how many. Rejects with
   * 'unknownFunction', 'unknownDeadLetter' when one of the ids is none, 'queueFull' when there is no room for any.
   */
  async redeliver(name: string, chosen: Chosen): Promise<number> {
    this.#check(name);
    const { store, routes } = this.#options;
    return this.#forEach(name, chosen, async (ids) => {
      const room = Math.max(0, routes().capacity(name) - store.counts.queued(name));
      const taken = ids.slice(0, room);
      if (taken.length === 0 && ids.length > 0)
        throw new AgentError(
          'queueFull',
          `The queue of ${name} is full: ${store.counts.queued(name)} events`,
          {
            hint: 'Try again when it has worked some of them off, or raise limits.queue.',
            transient: true,
          },
        );
      await store.commit(taken.map((id) => ({ op: 'redeliver', function: name, id })));
      return taken.length;
    });
  }

  /** Deletes dead letters; resolves with how many. Rejects with 'unknownDeadLetter' when one of the ids is none. */
  async discard(name: string, chosen: Chosen): Promise<number> {
    const { store } = this.#options;
    return this.#forEach(name, chosen, async (ids) => {
      await store.commit(ids.map((id) => ({ op: 'discard', function: name, id })));
      return ids.length;
    });
  }

  /** Page by page, those that are there now: what dies meanwhile is not among them. */
  async #forEach(
    name: string,
    { ids }: Chosen,
    work: (ids: readonly number[]) => Promise<number>,
  ): Promise<number> {
    if (ids) {
      const once = [...new Set(ids)];
      await this.#checkIds(name, once);
      return work(once);
    }
    let done = 0;
    for (let after = 0, left = this.#options.store.counts.dead(name); left > 0;) {
      const { letters } = await this.deadLetters(name, after);
      const page = letters.slice(0, left).map(({ id }) => id);
      if (page.length === 0) break;
      const count = await work(page);
      done += count;
      if (count < page.length) break;
      after = page.at(-1) ?? after;
      left -= page.length;
    }
    return done;
  }

  async #checkIds(name: string, ids: readonly number[]): Promise<void> {
    for (const id of ids) {
      const query = { function: name, after: id - 1, limit: 1, maxBytes: 1 };
      const [letter] = await this.#options.store.deadLetters(query);
      if (letter?.id !== id)
        throw new AgentError('unknownDeadLetter', `There is no dead letter ${id} of the function ${name}`, {
          hint: `List them with: holdfast functions dead-letters ${name}`,
        });
    }
  }

  async #isEmpty(name: string, after: number): Promise<boolean> {
    const query = { function: name, after, limit: 1, maxBytes: 1 };
    return (await this.#options.store.deadLetters(query)).length === 0;
  }

  #check(name: string): void {
    const { names } = this.#options.dispatcher;
    if (names.includes(name)) return;
    throw new AgentError('unknownFunction', `There is no function ${name} on this device`, {
      hint: `It runs: ${names.join(', ') || 'none'}.`,
    });
  }
}

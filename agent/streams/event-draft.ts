import type { QueuedEvent } from './operations.ts';
import type { WaitingBits } from './waiting-bits.ts';

/** A new event, and where it will lie. */
export type FreshEvent = { -readonly [Key in keyof QueuedEvent]: QueuedEvent[Key] };

/** A page of events that a transaction looks at. */
export type OpenPage = {
  /** Whose events it holds. */
  readonly function: string;
  readonly waiting: WaitingBits;
  isChanged: boolean;
  /** Those that waited before the transaction, once one of them had to be read. */
  events: ReadonlyMap<number, QueuedEvent> | undefined;
};

/** What a transaction does to events, until it is written with its end. */
export class EventDraft {
  /** Of messages, by function, in the order of their ids: not written yet. */
  readonly fresh = new Map<string, FreshEvent[]>();
  /** Looked at, by their ids; undefined is one that is not there. */
  readonly pages = new Map<number, OpenPage | undefined>();
  #lastId: number;

  constructor(lastId: number) {
    this.#lastId = lastId;
  }

  get lastId(): number {
    return this.#lastId;
  }
  /** The id of the first of `count` new events. Those of a function run in the order of their ids. */
  take(count = 1): number {
    const first = this.#lastId + 1;
    this.#lastId += count;
    return first;
  }
  addFresh(event: FreshEvent): void {
    const events = this.fresh.get(event.function);
    if (events) events.push(event);
    else this.fresh.set(event.function, [event]);
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../../lib/logger.ts';
import {
  giveSpaceBack,
  oldestSegments,
  removeSegments,
  type OldSegment,
} from './database/remove-segments.ts';
import { selectUsage, totalBytes, type Keep, type StreamUsage } from './database/retention.ts';
import type { Database } from './database/schema.ts';

export type RetentionOptions = {
  readonly db: Database;
  readonly now: () => Date;
  readonly logger: Logger;
  /** `keepMs` for each stream without a rule of its own; `keepBytes` for the whole cloud, whatever the rules. */
  readonly defaults: Keep;
  /** Between two rounds. */
  readonly everyMs?: number;
};

const defaultEveryMs = 10_000;
const usagePage = 500;
/** Ingest gets its turn between two transactions. */
const betweenStepsMs = 5;

/** Removes what is not to be kept, whole segments at a time, oldest first, in the background and in small transactions. */
export class RetentionKeeper implements AsyncDisposable {
  readonly #options: RetentionOptions;
  readonly #ended = new AbortController();
  #work: Promise<void> = Promise.resolve();
  /** Up to this segment everything is looked at that is old, and only what has a rule of its own is left: the places in `#left`. */
  #agedTo = 0;
  readonly #left = new Set<string>();

  constructor(options: RetentionOptions) {
    this.#options = options;
  }

  get defaults(): Keep {
    return this.#options.defaults;
  }

  start(): void {
    this.#work = this.#run();
  }

  /** Removes everything that is to go now; how many segments. Ends early, between two transactions, when this is disposed. */
  async round(): Promise<number> {
    const ruled = new Set<string>();
    let removed = 0;
    for (let after: StreamUsage | undefined; ;) {
      const streams = await selectUsage(this.#options.db, { limit: usagePage, after, overridden: true });
      for (const stream of streams) {
        ruled.add(placeOf(stream));
        removed += await this.#trimStream(stream);
      }
      after = streams.at(-1);
      if (streams.length < usagePage) break;
    }
    removed += await this.#trimByAge(ruled);
    removed += await this.#trimAll();
    while (removed > 0 && (await this.#giveBack()));
    return removed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    await this.#work;
  }

  async #run(): Promise<void> {
    const { everyMs = defaultEveryMs, logger } = this.#options;
    const { signal } = this.#ended;
    while (!signal.aborted) {
      try {
        const segments = await this.round();
        if (segments > 0) logger.info('retention.removed', { segments });
      } catch (error) {
        logger.error('retention.failed', { error });
      }
      await sleep(everyMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** A stream with a rule of its own. */
  async #trimStream({ device, stream, bytes, keep }: StreamUsage): Promise<number> {
    const { keepMs = null, keepBytes = null } = keep ?? {};
    const before = this.#ago(keepMs);
    let left = bytes;
    return this.#remove({ device, stream }, (segment) => {
      const goes = segment.received < before || (keepBytes !== null && left > keepBytes);
      if (goes) left -= segment.bytes;
      return goes;
    });
  }

  /** All others: one walk from the oldest segment to the first that is young enough. */
  async #trimByAge(ruled: ReadonlySet<string>): Promise<number> {
    const { db, defaults } = this.#options;
    const before = this.#ago(defaults.keepMs);
    if (![...this.#left].every((place) => ruled.has(place))) {
      this.#agedTo = 0;
      this.#left.clear();
    }
    let removed = 0;
    while (before !== '' && !this.#ended.signal.aborted) {
      const oldest = await oldestSegments(db, { after: this.#agedTo });
      const end = oldest.findIndex(({ received }) => received >= before);
      const old = end < 0 ? oldest : oldest.slice(0, end);
      const gone = await this.#removeNow(old.filter((segment) => !ruled.has(placeOf(segment))));
      removed += gone;
      for (const place of old.map(placeOf)) if (ruled.has(place)) this.#left.add(place);
      this.#agedTo = old.at(-1)?.id ?? this.#agedTo;
      if (end >= 0 || old.length === 0) break;
      // There may be millions of them.
      if (gone === 0) await sleep(betweenStepsMs);
    }
    return removed;
  }

  /** The largest sum that there may be, whatever the rules. */
  async #trimAll(): Promise<number> {
    const { keepBytes } = this.#options.defaults;
    if (keepBytes === null) return 0;
    let left = await totalBytes(this.#options.db);
    return this.#remove(undefined, (segment) => {
      const goes = left > keepBytes;
      if (goes) left -= segment.bytes;
      return goes;
    });
  }

  /** Removes from the oldest on for as long as `goes` says so. */
  async #remove(
    place: { readonly device: string; readonly stream: string } | undefined,
    goes: (segment: OldSegment) => boolean,
  ): Promise<number> {
    let removed = 0;
    while (!this.#ended.signal.aborted) {
      const oldest = await oldestSegments(this.#options.db, { place });
      const end = oldest.findIndex((segment) => !goes(segment));
      const going = end < 0 ? oldest : oldest.slice(0, end);
      removed += await this.#removeNow(going);
      if (end >= 0 || going.length === 0) break;
    }
    return removed;
  }

  async #removeNow(segments: readonly OldSegment[]): Promise<number> {
    if (segments.length === 0) return 0;
    await this.#options.db.transaction().execute((transaction) => removeSegments(transaction, segments));
    await sleep(betweenStepsMs);
    return segments.length;
  }

  /** What was received before it is too old; '' is never. */
  #ago(keepMs: number | null): string {
    return keepMs === null ? '' : new Date(Math.max(0, this.#options.now().getTime() - keepMs)).toISOString();
  }

  async #giveBack(): Promise<boolean> {
    if (this.#ended.signal.aborted) return false;
    const { more } = await giveSpaceBack(this.#options.db);
    await sleep(betweenStepsMs);
    return more;
  }
}

const placeOf = ({ device, stream }: { readonly device: string; readonly stream: string }) =>
  `${device} ${stream}`;

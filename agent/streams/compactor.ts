import { errorMessage } from '../../lib/error-code.ts';
import type { Logger } from '../../lib/logger.ts';
import type { LocalStore } from './local-store.ts';

export type CompactorOptions = {
  readonly store: Pick<LocalStore, 'commit' | 'counts' | 'onCommit' | 'seqFurther' | 'seqAt'>;
  readonly logger: Logger;
  readonly now: () => Date;
};

/** Messages looked at in one commit: some milliseconds. */
const sliceMessages = 500;
/** A stream that grew by so many is compacted before the next tidying. */
const growthMessages = 10_000;

type Progress = {
  readonly afterMs: number;
  /** Looked at as new ones, which supersede others, up to here; 0 after a start. */
  seen: number;
  /** Looked at as old ones up to here. */
  aged: number;
};

/**
 * Keeps compacted streams compact, in slices that let the loop turn between them. Every message is looked at when it is new
 * and, where young ones stay, once more when it has grown old: the work follows the growth, not the size.
 */
export class Compactor implements Disposable {
  readonly #options: CompactorOptions;
  readonly #streams = new Map<string, Progress>();
  readonly #stopListening: () => void;
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(options: CompactorOptions) {
    this.#options = options;
    this.#stopListening = options.store.onCommit(({ streams }) => {
      for (const name of streams) if (this.#growth(name) >= growthMessages) void this.run();
    });
  }

  /** Streams by name, and the milliseconds that even superseded messages of them stay. */
  configure(streams: ReadonlyMap<string, number>): void {
    for (const name of this.#streams.keys()) if (!streams.has(name)) this.#streams.delete(name);
    for (const [name, afterMs] of streams) {
      const before = this.#streams.get(name) ?? { afterMs, seen: 0, aged: 0 };
      // Without a time to stay nothing is looked at once more: what stayed so far is looked at as if it were new.
      const seen = afterMs === 0 && before.afterMs > 0 ? before.aged : before.seen;
      this.#streams.set(name, { afterMs, seen, aged: before.aged });
    }
  }

  /** Resolves when everything that is superseded now has been dropped; one run at a time. Never rejects. */
  run(): Promise<void> {
    this.#running ??= this.#pass().finally(() => (this.#running = undefined));
    return this.#running;
  }

  [Symbol.dispose](): void {
    this.#stopped = true;
    this.#stopListening();
  }

  #growth(name: string): number {
    const progress = this.#streams.get(name);
    return progress ? this.#options.store.counts.stream(name).lastSeq - progress.seen : 0;
  }

  async #pass(): Promise<void> {
    const { store, now, logger } = this.#options;
    for (const [name, progress] of this.#streams) {
      try {
        const { afterMs, seen } = progress;
        // Without a time to stay, a clock that was set back does not keep any.
        const before = afterMs === 0 ? Number.MAX_SAFE_INTEGER : now().getTime() - afterMs;
        const { lastSeq } = store.counts.stream(name);
        progress.seen = await this.#walk(name, { after: seen, until: lastSeq, before });
        if (afterMs === 0) continue;
        const young = await store.seqAt(name, before);
        // The first walk looked at everything, old ones too.
        const after = seen === 0 ? Math.min(young - 1, progress.seen) : progress.aged;
        progress.aged = await this.#walk(name, { after, until: young - 1, before });
      } catch (error) {
        logger.warn('store.compaction.failed', { stream: name, error: errorMessage(error) });
      }
    }
  }

  /** Resolves with how far it came. */
  async #walk(
    stream: string,
    { after, until, before }: { readonly after: number; readonly until: number; readonly before: number },
  ): Promise<number> {
    const { store } = this.#options;
    for (let at = after; at < until;) {
      if (this.#stopped || !this.#streams.has(stream)) return at;
      const end = (await store.seqFurther(stream, at, sliceMessages)) ?? until;
      await store.commit([{ op: 'compact', stream, before, limit: sliceMessages, after: at }]);
      at = end;
    }
    return Math.max(after, until);
  }
}

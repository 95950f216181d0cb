import { errorMessage } from '../../lib/error-code.ts';
import type { Logger } from '../../lib/logger.ts';
import type { StreamSpec } from '../../manifests/data.ts';
import type { Machine } from '../../manifests/machine.ts';
import { Compactor } from './compactor.ts';
import type { LocalStore } from './local-store.ts';
import type { Operation } from './operations.ts';
import { streamPolicy } from './stream-policy.ts';
import { streamReaders } from './stream-readers.ts';

export type StreamUpkeepOptions = {
  readonly store: LocalStore;
  readonly logger: Logger;
  readonly now: () => Date;
};

/** Messages dropped in one commit: some tens of milliseconds. */
const expiredAtOnce = 2000;

/** Keeps the streams as the manifest says: who reads them, how long they keep, what is superseded. */
export class StreamUpkeep implements Disposable {
  readonly #options: StreamUpkeepOptions;
  readonly #compactor: Compactor;
  #streams: Readonly<Record<string, StreamSpec>> = {};
  #expiring: Promise<void> | undefined;
  #stopped = false;

  constructor(options: StreamUpkeepOptions) {
    this.#options = options;
    this.#compactor = new Compactor(options);
  }

  /** From now on; `streams` are those of the machine and its own. */
  configure(
    streams: Readonly<Record<string, StreamSpec>>,
    machine: Pick<Machine, 'functions' | 'bridges'>,
  ): void {
    const readers = streamReaders(machine);
    this.#streams = streams;
    const specs = Object.entries(streams);
    const { store } = this.#options;
    store.setDeadLetterStreams(deadLetterStreams(machine.functions));
    store.setPolicies(new Map(specs.map(([name, spec]) => [name, streamPolicy(spec, readers.get(name))])));
    this.#compactor.configure(
      new Map(specs.flatMap(([name, { compact }]) => (compact ? [[name, compact.after] as const] : []))),
    );
  }

  /**
   * Lets go of cursors whose consumer, function or bridge is no more, so that they hold nothing for ever. After a generation
   * stands: one that is taken back finds its cursors where they were. Never rejects.
   */
  async forgetAbsent(): Promise<void> {
    const { store, logger } = this.#options;
    const operations = store.counts.consumedStreams().flatMap<Operation>((stream) => {
      const wanted = Object.hasOwn(this.#streams, stream) ? store.policyOf(stream).consumers : [];
      return store.counts
        .consumers(stream)
        .filter((consumer) => !wanted.includes(consumer))
        .map((consumer) => ({ op: 'forgetConsumer', stream, consumer }));
    });
    try {
      await store.commit(operations);
    } catch (error) {
      logger.warn('stream.consumers.kept', { error: errorMessage(error) });
    }
  }

  /** Drops what is more or older than its stream keeps; one run at a time. Rejects as the store's commit does. */
  expire(): Promise<void> {
    this.#expiring ??= this.#expire().finally(() => (this.#expiring = undefined));
    return this.#expiring;
  }

  /** After a month without power, or under a lower bound, much goes at once: in slices that let the loop turn between them. */
  async #expire(): Promise<void> {
    const { store, now } = this.#options;
    const limit = expiredAtOnce;
    for (const [stream, { keep }] of Object.entries(this.#streams)) {
      const { maxBytes } = store.policyOf(stream);
      const isOver = (): boolean => !this.#stopped && store.counts.stream(stream).bytes > maxBytes;
      while (isOver() && (await store.oldestMessage(stream)) !== undefined)
        await store.commit([{ op: 'trim', stream }]);
      if (keep.age === undefined) continue;
      const before = now().getTime() - keep.age;
      while (!this.#stopped && ((await store.oldestMessage(stream)) ?? before) < before)
        await store.commit([{ op: 'expire', stream, before, limit }]);
    }
  }

  /** Drops what is superseded. Never rejects. */
  compact(): Promise<void> {
    return this.#compactor.run();
  }

  [Symbol.dispose](): void {
    this.#stopped = true;
    this.#compactor[Symbol.dispose]();
  }
}

/** The streams that get the dead letters too, by function. */
function deadLetterStreams(functions: Machine['functions']): Map<string, string> {
  return new Map(
    Object.entries(functions).flatMap(([name, { deadLetter }]) =>
      deadLetter === undefined ? [] : [[name, deadLetter] as const],
    ),
  );
}

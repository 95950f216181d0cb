import { errorMessage } from '../../lib/error-code.ts';
import type { Logger } from '../../lib/logger.ts';
import type { FunctionSpec } from '../../manifests/function.ts';
import type { LocalStore } from '../streams/local-store.ts';
import type { Operation, StreamRecord } from '../streams/operations.ts';
import { functionConsumer } from '../streams/stream-readers.ts';
import { isTooDeep } from './message-operations.ts';

export type StreamTriggersOptions = {
  readonly store: Pick<LocalStore, 'commit' | 'counts' | 'onCommit' | 'records'>;
  /** Events that the queue of a function has room for now. */
  readonly room: (functionName: string) => number;
  readonly logger: Logger;
  /** After a commit that failed. Default 1 s. */
  readonly retryMs?: number;
};

/** Records read, and queued in one commit, at a time. */
const page = { limit: 100, maxBytes: 2 ** 18 };

type Reader = {
  readonly stream: string;
  readonly function: string;
  running: Promise<void> | undefined;
  /** There was no room for more. */
  isBlocked: boolean;
  /** Something happened while it ran. */
  isWoken: boolean;
  retry: NodeJS.Timeout | undefined;
  /** Messages that were dropped before it had them, since the start. */
  missed: number;
};

/**
 * Gives the messages of streams to the functions that read them, as far as their queues have room. A message is queued and
 * the cursor moved in one commit: it comes exactly once, over any crash.
 */
export class StreamTriggers implements AsyncDisposable {
  readonly #options: Required<StreamTriggersOptions>;
  readonly #readers = new Map<string, Reader>();
  readonly #stopListening: () => void;

  constructor(options: StreamTriggersOptions) {
    this.#options = { retryMs: 1000, ...options };
    this.#stopListening = options.store.onCommit(({ streams }) => {
      for (const reader of this.#readers.values())
        if (streams.has(reader.stream) || (reader.isBlocked && this.#hasRoom(reader))) this.#wake(reader);
    });
  }

  /**
   * Functions of the present generation. One that reads a stream for the first time begins where its trigger says, which is
   * on disk when this resolves. Rejects with what the store's commit rejects with.
   */
  async configure(functions: Readonly<Record<string, FunctionSpec>>): Promise<void> {
    const { counts, commit } = this.#store();
    const wanted = new Set<string>();
    const begins: Operation[] = [];
    for (const [name, { on }] of Object.entries(functions))
      for (const trigger of on) {
        if (!('stream' in trigger)) continue;
        const { stream, from } = trigger;
        const consumer = functionConsumer(name);
        if (!wanted.has(keyOf(name, stream)) && !counts.consumer(stream, consumer))
          begins.push({
            ...{ op: 'advance', stream, consumer },
            seq: from === 'oldest' ? 0 : counts.stream(stream).lastSeq,
          });
        wanted.add(keyOf(name, stream));
        this.#add(name, stream);
      }
    await commit(begins);
    for (const [key, reader] of this.#readers) {
      if (wanted.has(key)) this.#wake(reader);
      else this.#remove(key, reader);
    }
  }

  /** Messages that were dropped before a function had them, since the start. */
  missed(functionName: string, stream: string): number {
    return this.#readers.get(keyOf(functionName, stream))?.missed ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopListening();
    const running = [...this.#readers.values()].flatMap((reader) => reader.running ?? []);
    for (const [key, reader] of this.#readers) this.#remove(key, reader);
    await Promise.all(running);
  }

  #store() {
    const { store } = this.#options;
    return { counts: store.counts, commit: (operations: readonly Operation[]) => store.commit(operations) };
  }

  #add(name: string, stream: string): void {
    const key = keyOf(name, stream);
    const fresh = { running: undefined, isBlocked: false, isWoken: false, retry: undefined, missed: 0 };
    if (!this.#readers.has(key)) this.#readers.set(key, { stream, function: name, ...fresh });
  }

  #remove(key: string, reader: Reader): void {
    clearTimeout(reader.retry);
    this.#readers.delete(key);
  }

  #hasRoom(reader: Reader): boolean {
    return this.#options.room(reader.function) > 0;
  }

  #isWanted(reader: Reader): boolean {
    return this.#readers.get(keyOf(reader.function, reader.stream)) === reader;
  }

  #wake(reader: Reader): void {
    reader.isWoken = true;
    if (reader.running !== undefined || reader.retry !== undefined) return;
    reader.running = this.#run(reader).finally(() => (reader.running = undefined));
  }

  async #run(reader: Reader): Promise<void> {
    const { logger, retryMs } = this.#options;
    try {
      while (reader.isWoken && this.#isWanted(reader)) {
        reader.isWoken = false;
        while (this.#isWanted(reader) && (await this.#step(reader)));
      }
    } catch (error) {
      const { function: name, stream } = reader;
      logger.warn('function.stream.failed', { function: name, stream, error: errorMessage(error), retryMs });
      if (!this.#isWanted(reader)) return;
      reader.retry = setTimeout(() => {
        reader.retry = undefined;
        this.#wake(reader);
      }, retryMs);
    }
  }

  /** Queues what comes next; false when there is nothing or no room. */
  async #step(reader: Reader): Promise<boolean> {
    const { store, room } = this.#options;
    const { stream, function: name } = reader;
    const consumer = functionConsumer(name);
    const after = store.counts.consumer(stream, consumer)?.seq ?? 0;
    if (after >= store.counts.stream(stream).lastSeq) return false;
    const limit = Math.min(page.limit, room(name));
    reader.isBlocked = limit <= 0;
    if (reader.isBlocked) return false;
    const records = await store.records({ stream, after, limit, maxBytes: page.maxBytes });
    // What is not there any more left neither record nor gap: all readers of then had it.
    const seq = records.at(-1)?.seq ?? store.counts.stream(stream).lastSeq;
    const events = records.flatMap((record) => this.#eventOf(reader, record));
    await store.commit([...events, { op: 'advance', stream, consumer, seq }]);
    return true;
  }

  #eventOf(reader: Reader, record: StreamRecord): Operation[] {
    const { logger } = this.#options;
    const { function: name, stream } = reader;
    if (record.gap) {
      reader.missed += record.gap.count;
      logger.warn('function.stream.gap', { function: name, stream, seq: record.seq, ...record.gap });
      return [];
    }
    const event = recordEvent(name, record);
    if (event) return [event];
    logger.warn('function.stream.loop', { function: name, stream, seq: record.seq });
    return [];
  }
}

/** Queues a message of a stream for a function; undefined for one that went through too many functions already. */
export function recordEvent(
  functionName: string,
  { time, message }: Pick<Extract<StreamRecord, { gap: undefined }>, 'time' | 'message'>,
): Operation | undefined {
  const { topic, contentType, hops = 0 } = message;
  if (isTooDeep(hops)) return undefined;
  // Of its own: an event may wait in memory, and is not to keep the page there that its message was read with.
  const payload = Uint8Array.from(message.payload);
  const event = { function: functionName, kind: 'message', topic, payload, contentType, time, hops } as const;
  // Its room was looked at before.
  return { op: 'enqueue', event, capacity: Number.MAX_SAFE_INTEGER };
}

function keyOf(functionName: string, stream: string): string {
  return `${functionName}/${stream}`;
}

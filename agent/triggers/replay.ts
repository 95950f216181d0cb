import { setTimeout as sleep } from 'node:timers/promises';
import { TokenBucket } from '../../lib/token-bucket.ts';
import { AgentError } from '../errors.ts';
import { maxTopicBytes, type IncomingMessage } from '../streams/bounds.ts';
import type { LocalStore } from '../streams/local-store.ts';
import type { StreamControl } from '../streams/stream-control.ts';
import type { StreamRecord } from '../streams/stream-operations.ts';
import { recordEvent } from './stream-triggers.ts';

export type ReplaysOptions = {
  readonly store: Pick<LocalStore, 'commit' | 'onCommit'>;
  readonly streams: Pick<StreamControl, 'records'>;
  /** Functions of the present generation. */
  readonly functions: () => readonly string[];
  /** Events that the queue of a function has room for now. */
  readonly room: (functionName: string) => number;
  /** Publishes on the local broker as a client would: resolves when it is on disk. */
  readonly publish: (message: IncomingMessage) => Promise<void>;
};

export type ReplayRequest = {
  readonly stream: string;
  /** Records behind this number, up to `until`. */
  readonly after: number;
  readonly until: number;
  readonly topic: string | undefined;
} & (
  | { readonly function: string }
  | {
      readonly publish: string;
      /** Messages a second at most. */
      readonly rate: number | undefined;
    }
);

export type ReplayProgress = {
  /** Everything up to this number is dealt with. */
  readonly seq: number;
  readonly done: number;
  /** Messages that could not be taken, and gaps' messages that are gone. */
  readonly skipped: number;
};

type Message = Extract<StreamRecord, { gap: undefined }>;

/** Messages published at a time; each group is in order and on disk before the next. */
const publishedAtOnce = 50;

/** Gives records of a stream a second time, to a function or to the local broker. No cursor moves. */
export class Replays {
  readonly #options: ReplaysOptions;

  constructor(options: ReplaysOptions) {
    this.#options = options;
  }

  /**
   * Tells its progress after each group, which is on disk then; the next group waits until that was taken, and for room in
   * the queue. Ends when `signal` aborts. Rejects with 'unknownStream', 'unknownFunction', or what a publish rejects with.
   */
  async *run(request: ReplayRequest, signal: AbortSignal): AsyncGenerator<ReplayProgress> {
    const { stream, after, until, topic } = request;
    if ('function' in request) this.#check(request.function);
    const send = 'function' in request ? this.#toFunction(request.function) : this.#toBroker(request);
    const query = { after, until, topic, limit: Number.MAX_SAFE_INTEGER, follow: false };
    let progress: ReplayProgress = { seq: after, done: 0, skipped: 0 };
    for await (const records of this.#options.streams.records(stream, query, signal)) {
      for (let rest: readonly StreamRecord[] = records; rest.length > 0;) {
        const count = await send.room(signal);
        if (signal.aborted) return;
        const group = rest.slice(0, count);
        rest = rest.slice(count);
        const messages = group.filter((record) => record.gap === undefined);
        const done = await send.take(messages);
        const gone = group.reduce((sum, { gap }) => sum + (gap?.count ?? 0), 0);
        progress = {
          seq: group.at(-1)?.seq ?? progress.seq,
          done: progress.done + done,
          skipped: progress.skipped + messages.length - done + gone,
        };
        yield progress;
      }
    }
    if (!signal.aborted) yield { ...progress, seq: until };
  }

  #toFunction(name: string) {
    const { store, room } = this.#options;
    return {
      room: async (signal: AbortSignal) => {
        while (room(name) <= 0 && !signal.aborted) await this.#commit(signal);
        return Math.min(100, Math.max(1, room(name)));
      },
      take: async (messages: readonly Message[]) => {
        const events = messages.flatMap((message) => recordEvent(name, message) ?? []);
        await store.commit(events);
        return events.length;
      },
    };
  }

  #toBroker({ publish: prefix, rate }: Extract<ReplayRequest, { publish: string }>) {
    const bucket = rate === undefined ? undefined : new TokenBucket({ count: rate, perMs: 1000 });
    return {
      room: async (signal: AbortSignal) => {
        if (!bucket) return publishedAtOnce;
        for (let waitMs = bucket.take(); waitMs > 0 && !signal.aborted; waitMs = bucket.take())
          await sleep(waitMs, undefined, { signal }).catch(() => undefined);
        return 1;
      },
      take: async (messages: readonly Message[]) => {
        const published = messages.flatMap(({ message }) => messageUnder(prefix, message) ?? []);
        await Promise.all(published.map((message) => this.#options.publish(message)));
        return published.length;
      },
    };
  }

  /** Resolves at the next commit, which may have made room. */
  async #commit(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const stop = this.#options.store.onCommit(() => resolve(undefined));
    const aborted = (): void => resolve(undefined);
    signal.addEventListener('abort', aborted);
    try {
      if (!signal.aborted) await promise;
    } finally {
      stop();
      signal.removeEventListener('abort', aborted);
    }
  }

  #check(name: string): void {
    const names = this.#options.functions();
    if (names.includes(name)) return;
    throw new AgentError('unknownFunction', `There is no function ${name} on this device`, {
      hint: `It runs: ${names.join(', ') || 'none'}.`,
    });
  }
}

/** Undefined when the topic became too long. */
function messageUnder(
  prefix: string,
  { topic, payload, contentType }: Message['message'],
): IncomingMessage | undefined {
  const whole = prefix + topic;
  if (Buffer.byteLength(whole) > maxTopicBytes) return undefined;
  return { topic: whole, payload, qos: 1, retain: false, ...(contentType !== undefined && { contentType }) };
}

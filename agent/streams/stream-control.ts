import { setImmediate as turn } from 'node:timers/promises';
import { topicMatches } from '../../lib/topic-filter.ts';
import { nearest } from '../../manifests/nearest.ts';
import { AgentError } from '../errors.ts';
import type { LocalStore } from './local-store.ts';
import type { RecordHead, StreamInfo } from './record-reads.ts';
import type { StreamRecord } from './stream-operations.ts';

export type StreamControlOptions = {
  readonly store: Pick<
    LocalStore,
    | 'areStreamsKnown'
    | 'commit'
    | 'counts'
    | 'onCommit'
    | 'policyOf'
    | 'recordHeads'
    | 'records'
    | 'seqAt'
    | 'streamInfo'
    | 'streams'
  >;
  /** Whether a manifest of before may come back by itself, streams and all. */
  readonly mayGoBack?: (() => boolean) | undefined;
  /** Messages that a function never got, since the start of the agent. */
  readonly missed: (functionName: string, stream: string) => number;
};

export type ListedConsumer = {
  readonly name: string;
  /** It has done with every message up to this one. */
  readonly seq: number;
  /** Numbers behind its cursor that are still held. */
  readonly lag: number;
  readonly missed: number | undefined;
};

export type ListedStream = StreamInfo & {
  readonly name: string;
  readonly messages: number;
  readonly bytes: number;
  /**
   * The manifest has it no more: nobody reads it or adds to it, and what it holds stays until it is removed. Undefined while no
   * manifest is followed since the start.
   */
  readonly removed: boolean | undefined;
  /** Numbers that the cloud does not have yet; undefined for a stream that is not relayed. */
  readonly backlog: number | undefined;
  readonly consumers: readonly ListedConsumer[];
};

export type RecordsRequest = {
  /** Records behind this number. */
  readonly after: number;
  /** Up to this number. */
  readonly until: number;
  /** Records at most that are given. */
  readonly limit: number;
  /** Waits for more at the end. */
  readonly follow: boolean;
  /** Only messages on topics that match, and gaps, which have none. */
  readonly topic: string | undefined;
};

/** Read, and handed over, at a time. */
const page = { limit: 256, maxBytes: 2 ** 18 };
const headsPage = 1000;
/** Messages dropped in one commit: some tens of milliseconds. */
const removedAtOnce = 2000;

/** What an operator, or a program beside the agent, may see of the streams and do with them. */
export class StreamControl {
  readonly #options: StreamControlOptions;

  constructor(options: StreamControlOptions) {
    this.#options = options;
  }

  async list(): Promise<ListedStream[]> {
    const { store } = this.#options;
    const listed: ListedStream[] = [];
    for (const name of [...store.streams, ...this.#removed()]) {
      const removed = store.areStreamsKnown ? !store.streams.includes(name) : undefined;
      const info = await store.streamInfo(name);
      const { messages, bytes, ackedSeq } = store.counts.stream(name);
      const { relayed, consumers } = store.policyOf(name);
      const lagOf = (seq: number): number => info.last - Math.max(seq, (info.first ?? info.last + 1) - 1);
      const backlog = relayed ? Math.max(0, lagOf(ackedSeq)) : undefined;
      const readers = consumers.map((consumer) => this.#consumer(name, consumer, lagOf));
      listed.push({ ...info, name, messages, bytes, removed, backlog, consumers: readers });
    }
    return listed;
  }

  /**
   * Pages of records in order, each of some hundred KiB at most: the next is read when the one before was taken. Ends when
   * `signal` aborts. Rejects with 'unknownStream'.
   */
  async *records(
    stream: string,
    request: RecordsRequest,
    signal: AbortSignal,
  ): AsyncGenerator<StreamRecord[]> {
    this.check(stream);
    const { store } = this.#options;
    const { until, follow, topic } = request;
    let { after: at, limit: left } = request;
    while (!signal.aborted && left > 0 && at < until) {
      const { lastSeq } = store.counts.stream(stream);
      const records = await store.records({ stream, after: at, ...page });
      const taken = records.filter((record) => record.seq <= until && isWanted(record, topic)).slice(0, left);
      // Numbers without records: what they were is gone.
      at = records.at(-1)?.seq ?? Math.max(at, lastSeq);
      left -= taken.length;
      if (taken.length > 0) yield taken;
      if (records.length > 0) await turn();
      else if (follow) await this.#next(stream, at, signal);
      else return;
    }
  }

  /** Behind which number the last `count` records begin that are wanted. */
  async tail(stream: string, count: number, topic: string | undefined): Promise<number> {
    this.check(stream);
    const { store } = this.#options;
    const { lastSeq } = store.counts.stream(stream);
    let after = lastSeq;
    for (let upTo = lastSeq, left = count; left > 0;) {
      const heads: RecordHead[] = await store.recordHeads(stream, { upTo, limit: headsPage });
      for (const head of heads) {
        if (head.topic !== undefined && topic !== undefined && !topicMatches(topic, head.topic)) continue;
        after = head.seq - 1;
        if (--left === 0) break;
      }
      if (heads.length < headsPage) break;
      upTo = (heads.at(-1)?.seq ?? 1) - 1;
      await turn();
    }
    return after;
  }

  /** The number of the first record that is not before `time`, milliseconds since 1970; behind the last one without any. */
  async seqAt(stream: string, time: number): Promise<number> {
    this.check(stream);
    return this.#options.store.seqAt(stream, time);
  }

  /** Where a consumer is. Rejects with 'unknownStream', 'unknownConsumer'. */
  cursor(stream: string, consumer: string): number {
    this.#checkConsumer(stream, consumer);
    return this.#options.store.counts.consumer(stream, consumer)?.seq ?? 0;
  }

  /**
   * A consumer has done with every message up to `seq` (`advance`, forward only), or goes on behind it (`seek`). On disk when
   * it resolves with where the cursor is now. Rejects with 'unknownStream', 'unknownConsumer', or as the store's commit does.
   */
  async place(op: 'advance' | 'seek', stream: string, consumer: string, seq: number): Promise<number> {
    this.#checkConsumer(stream, consumer);
    await this.#options.store.commit([{ op, stream, consumer, seq }]);
    return this.cursor(stream, consumer);
  }

  /**
   * Drops all that is held of a stream that the manifest has no more, in slices; its numbers are not used again. Resolves with how many
   * messages went, on disk. Rejects with 'unknownStream', 'conflict' for one that the manifest has or may have, or may have again, or as
   * the store's commit does.
   */
  async remove(stream: string): Promise<number> {
    this.check(stream);
    const { store } = this.#options;
    const { messages } = store.counts.stream(stream);
    do {
      this.checkRemoval(stream);
      await store.commit([{ op: 'empty', stream, limit: removedAtOnce }]);
      await turn();
    } while (store.counts.stream(stream).messages > 0);
    return messages;
  }

  /** Throws 'conflict' for a stream of which `remove` would not drop what it holds. */
  checkRemoval(stream: string): void {
    const { store } = this.#options;
    if (!store.areStreamsKnown) throw manifestUnknown(stream);
    if (store.streams.includes(stream)) throw inManifest(stream);
    if (this.#options.mayGoBack?.()) throw onTrial(stream);
  }

  /** Throws 'unknownStream' for a stream that the manifest does not have and that holds nothing. */
  check(stream: string): void {
    const declared = this.#options.store.streams;
    if (declared.includes(stream)) return;
    const streams = [...declared, ...this.#removed()];
    if (streams.includes(stream)) return;
    const near = nearest(stream, streams);
    throw new AgentError('unknownStream', `There is no stream ${stream} on this device`, {
      hint: near === undefined ? `It has: ${streams.join(', ') || 'none'}.` : `Did you mean ${near}?`,
    });
  }

  /** Streams that were in a manifest before, and still hold something. */
  #removed(): string[] {
    const { streams, counts } = this.#options.store;
    return [...counts.streams()].flatMap(([name, { messages }]) =>
      !streams.includes(name) && messages > 0 ? [name] : [],
    );
  }

  #checkConsumer(stream: string, consumer: string): void {
    this.check(stream);
    // Functions and bridges move their cursors themselves.
    const consumers = this.#options.store.policyOf(stream).consumers.filter((name) => !name.includes(':'));
    if (consumers.includes(consumer)) return;
    const near = nearest(consumer, consumers);
    throw new AgentError('unknownConsumer', `The stream ${stream} has no consumer ${consumer}`, {
      hint:
        near === undefined
          ? `It has: ${consumers.join(', ') || 'none'}. Add it under streams.${stream}.consumers.`
          : `Did you mean ${near}?`,
    });
  }

  #consumer(stream: string, name: string, lagOf: (seq: number) => number): ListedConsumer {
    const { store, missed } = this.#options;
    const seq = store.counts.consumer(stream, name)?.seq ?? 0;
    const [, functionName] = /^function:(.+)$/.exec(name) ?? [];
    return {
      ...{ name, seq, lag: Math.max(0, lagOf(seq)) },
      missed: functionName === undefined ? undefined : missed(functionName, stream),
    };
  }

  /** Resolves when the stream goes beyond `seq`, or `signal` aborts. */
  async #next(stream: string, seq: number, signal: AbortSignal): Promise<void> {
    const { store } = this.#options;
    if (store.counts.stream(stream).lastSeq > seq) return;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const stop = store.onCommit(({ streams }) => {
      if (streams.has(stream)) resolve(undefined);
    });
    const aborted = (): void => resolve(undefined);
    signal.addEventListener('abort', aborted);
    try {
      if (!signal.aborted) await promise;
    } finally {
      stop();
      signal.removeEventListener('abort', aborted);
    }
  }
}

function inManifest(stream: string): AgentError {
  return new AgentError('conflict', `The stream ${stream} is in the manifest of this device`, {
    hint: 'Take it out of the manifest and deploy that; what it still holds can be removed then.',
  });
}

function onTrial(stream: string): AgentError {
  return new AgentError(
    'conflict',
    `The manifest of this device is on trial: if it fails, the one before comes back, and may want what ${stream} holds`,
    { hint: 'Remove it once the generation is committed: holdfast status.' },
  );
}

/** Its manifest, or what that names, cannot be read: the next thing to come is that it is followed again. */
function manifestUnknown(stream: string): AgentError {
  return new AgentError(
    'conflict',
    `Whether the manifest has the stream ${stream} is not known: none is followed yet`,
    {
      hint: 'See why with: holdfast logs. What it holds can be removed once the manifest runs without it.',
    },
  );
}

function isWanted(record: StreamRecord, topic: string | undefined): boolean {
  return topic === undefined || record.gap !== undefined || topicMatches(topic, record.message.topic);
}

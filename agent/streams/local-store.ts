import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { errorMessage } from '../../lib/error-code.ts';
import type { Logger } from '../../lib/logger.ts';
import { AgentError } from '../errors.ts';
import { measureCommits, type Commits } from '../observability/measure-commits.ts';
import type { AgentMeter } from '../observability/metrics.ts';
import { prepareApply } from './apply.ts';
import { beginEpoch, bindEpoch } from './epoch.ts';
import { GroupCommit } from './group-commit.ts';
import { Ledger, type Counts, type Draft } from './ledger.ts';
import type { NearEvents, NearQuery } from './near-events.ts';
import { markSuspect, openDatabase } from './open-database.ts';
import {
  operationBytes,
  type Operation,
  type QueuedEvent,
  type RetainedMessage,
  type StreamPolicy,
  type StreamRecord,
} from './operations.ts';
import { prepareReads, type KeysQuery, type QueueHolder, type Reads } from './reads.ts';
import type { RecordHead, RecordsQuery, StreamInfo } from './record-reads.ts';
import type { SessionMessage, StoredWill } from './session-operations.ts';
import type { SessionPageQuery, StoredSession } from './session-reads.ts';
import { storeError } from './sqlite-errors.ts';
import { WriteAheadLog } from './write-ahead-log.ts';
import type { FileStat } from './trigger-operations.ts';
import type { DeadLetter, DeadLettersQuery, FileHolder, Plan } from './trigger-reads.ts';

export type LocalStoreOptions = {
  /** The agent's root folder; the file is `<root>/data/local.db`. */
  readonly root: string;
  /** Whose epoch this is, such as the fingerprint of a certificate; another one than before begins a new epoch. Left out: no matter. */
  readonly identity?: string | undefined;
  readonly logger: Logger;
  readonly now?: () => Date;
  readonly meter?: AgentMeter | undefined;
};

/** What a commit touched. */
export type CommitNotice = {
  readonly streams: ReadonlySet<string>;
  /** New events by function, in the order of their ids: all that is new of a function that is not in `functions`. */
  readonly arrived: ReadonlyMap<string, readonly QueuedEvent[]>;
  /** Functions that have something new to read. */
  readonly functions: ReadonlySet<string>;
  /** New messages for sessions, by the client's id, in the order of their ids. */
  readonly sessions: ReadonlyMap<string, readonly SessionMessage[]>;
};

/** A stream nobody described keeps this much. */
const defaultPolicy: StreamPolicy = {
  maxBytes: 2 ** 30,
  relayed: false,
  consumers: [],
  keepRead: true,
};

/**
 * The durable memory of the device: streams, event queues, key-value stores, retained messages. SQLite runs in this thread;
 * its log is synced beside it, once for all writers of a group. Counts, and what is told of commits, speak of what is durable.
 */
export class LocalStore implements AsyncDisposable {
  readonly path: string;
  /** Where a corrupt predecessor lies, when this store took its place at this start. */
  readonly setAside: string | undefined;
  readonly counts: Counts;
  readonly #database: DatabaseSync;
  readonly #ledger: Ledger;
  readonly #log: WriteAheadLog;
  readonly #commits: GroupCommit<readonly Operation[], Draft>;
  readonly #reads: Reads;
  readonly #listeners = new Set<(notice: CommitNotice) => void>();
  readonly #now: () => Date;
  readonly #failure = Promise.withResolvers<never>();
  readonly #logger: Logger;
  #epoch: string;
  /** As the last commit found the disk. */
  #isFull = false;
  #policies: ReadonlyMap<string, StreamPolicy> | undefined;
  #deadLetterStreams: ReadonlyMap<string, string> = new Map();

  /** Rejects with AgentError: 'diskFull', 'broken', 'locked', 'unsupported'. A corrupt file is set aside instead. */
  static async open({
    root,
    identity,
    logger,
    now = () => new Date(),
    meter,
  }: LocalStoreOptions): Promise<LocalStore> {
    const path = join(root, 'data', 'local.db');
    const { database, setAside } = await openDatabase(path, now(), logger);
    try {
      if (identity !== undefined && bindEpoch(database, identity))
        logger.warn('store.epoch.begun', { reason: 'the device has a new identity' });
      const log = await WriteAheadLog.open(database, path);
      return new LocalStore(database, { path, log, setAside, logger, now, meter });
    } catch (error) {
      database.close();
      throw storeError(error, path);
    }
  }

  private constructor(
    database: DatabaseSync,
    {
      path,
      log,
      setAside,
      logger,
      now,
      meter,
    }: {
      path: string;
      log: WriteAheadLog;
      setAside: string | undefined;
      logger: Logger;
      now: () => Date;
      meter: AgentMeter | undefined;
    },
  ) {
    this.path = path;
    this.#now = now;
    this.#logger = logger;
    this.setAside = setAside;
    this.#database = database;
    this.#log = log;
    this.#ledger = Ledger.load(database);
    this.counts = this.#ledger;
    this.#reads = prepareReads(database);
    this.#epoch = this.#reads.epoch();
    const prepared = prepareApply(
      database,
      (stream) => this.policyOf(stream),
      (name) => this.#deadLetterStreams.get(name),
    );
    const commits: Commits<readonly Operation[]> = {
      commit: (units) => this.#guarded(() => prepared(units, this.#ledger)),
      sync: () => log.sync(),
    };
    this.#commits = new GroupCommit({
      ...(meter ? measureCommits(commits, meter) : commits),
      onDurable: (draft) => {
        this.#ledger.accept(draft);
        const { arrived, awakened: functions } = draft;
        const sessions = draft.sessions.arrived;
        const notice = { streams: new Set(draft.streams.keys()), arrived, functions, sessions };
        for (const listener of this.#listeners) listener(notice);
      },
      isFatal: (error) =>
        error instanceof AgentError && (error.code === 'broken' || error.code === 'corrupt'),
      onFatal: (error) => this.#failure.reject(error),
    });
    // Nobody has to listen.
    this.#failure.promise.catch(() => undefined);
  }

  /** Whose messages the relay's numbers count; see `beginEpoch`. */
  get epoch(): string {
    return this.#epoch;
  }

  /**
   * From now on relayed messages count in a new epoch: what is unacknowledged goes on as number 1. For a disk that is
   * older than what was sent from it. On disk when it resolves; rejects as `commit` does.
   */
  async beginEpoch(): Promise<void> {
    await this.#commits.alone(async () => {
      this.#epoch = await this.#read(() => this.#guarded(() => beginEpoch(this.#database)));
      this.#ledger.beginEpoch();
    });
  }

  /** Rejects when nothing will be written any more, as an fsync failed or the file is corrupt: a new start is needed. [G1] */
  get failed(): Promise<never> {
    return this.#failure.promise;
  }

  /** How streams are kept from now on. */
  setPolicies(policies: ReadonlyMap<string, StreamPolicy>): void {
    this.#policies = policies;
  }

  /** Names of the streams that somebody described. */
  get streams(): readonly string[] {
    return [...(this.#policies?.keys() ?? [])];
  }

  /** Whether anybody described them since the start: else nothing is known of which there should be. */
  get areStreamsKnown(): boolean {
    return this.#policies !== undefined;
  }

  policyOf(stream: string): StreamPolicy {
    return this.#policies?.get(stream) ?? defaultPolicy;
  }

  /** Which stream gets the dead letters of which function from now on. */
  setDeadLetterStreams(streams: ReadonlyMap<string, string>): void {
    this.#deadLetterStreams = streams;
  }

  /**
   * Makes all operations durable, or none. Resolves after the fsync [G1]. Rejects with AgentError: 'diskFull' (transient;
   * a later commit may succeed), 'broken' and 'corrupt' (final until a restart), 'overloaded' (transient), 'closed',
   * 'conflict' (transient) when a `check` among them does not hold, 'gone' when an event to end or postpone is not there.
   */
  commit(operations: readonly Operation[]): Promise<void> {
    if (operations.length === 0) return Promise.resolve();
    let bytes = 0;
    for (const operation of operations) bytes += operationBytes(operation);
    return this.#commits.submit(operations, bytes);
  }

  /** Calls back after every commit, before its writers go on. The listener must not throw. */
  onCommit(listener: (notice: CommitNotice) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What a function is to run next. */
  async nearEvents(query: NearQuery): Promise<NearEvents> {
    return this.#read(() => this.#reads.near(query));
  }

  /** Messages and gaps of a stream in order. */
  async records(query: RecordsQuery): Promise<StreamRecord[]> {
    // What is being synced is there for SQLite, and is not for anybody else.
    const { lastSeq } = this.#ledger.stream(query.stream);
    return this.#read(() => this.#reads.records({ ...query, upTo: lastSeq }));
  }

  /** The same backwards from `upTo` on, without payloads. */
  async recordHeads(
    stream: string,
    range: { readonly upTo: number; readonly limit: number },
  ): Promise<RecordHead[]> {
    return this.#read(() => this.#reads.recordHeads(stream, range));
  }

  async streamInfo(stream: string): Promise<StreamInfo> {
    return this.#read(() => this.#reads.streamInfo(stream));
  }

  /** When the first message came that is still there, milliseconds since 1970; undefined when none is. */
  async oldestMessage(stream: string): Promise<number | undefined> {
    return this.#read(() => this.#reads.oldestMessage(stream));
  }

  /**
   * The number of the first record that is not before `time`, milliseconds since 1970; behind the last one when there is
   * none. Where the clock was set back, of one of those around it.
   */
  async seqAt(stream: string, time: number): Promise<number> {
    return this.#read(() => this.#reads.seqAt(stream, time));
  }

  /** The number of the `count`th record behind `after`; undefined when there are fewer. */
  async seqFurther(stream: string, after: number, count: number): Promise<number | undefined> {
    return this.#read(() => this.#reads.seqFurther(stream, after, count));
  }

  /** Undefined when there is none or it has expired. */
  async value(store: string, key: string): Promise<Uint8Array | undefined> {
    return this.#read(() => this.#reads.value(store, key, this.#now().getTime()));
  }

  /** Keys in order of their bytes; without expired ones. */
  async keys(query: KeysQuery): Promise<string[]> {
    return this.#read(() => this.#reads.keys(query, this.#now().getTime()));
  }

  /** Who has messages of which queue. */
  async queues(): Promise<QueueHolder[]> {
    return this.#read(() => this.#reads.queues());
  }

  /** Of a function, oldest first. */
  async deadLetters(query: DeadLettersQuery): Promise<DeadLetter[]> {
    return this.#read(() => this.#reads.deadLetters(query));
  }

  /** Up to which run each schedule was followed. */
  async plans(): Promise<Plan[]> {
    return this.#read(() => this.#reads.plans());
  }

  /** Who knows files of which volume. */
  async fileHolders(): Promise<FileHolder[]> {
    return this.#read(() => this.#reads.fileHolders());
  }

  /** What a function knows of a file. */
  async file(functionName: string, volume: string, path: string): Promise<FileStat | undefined> {
    return this.#read(() => this.#reads.file(functionName, volume, path));
  }

  /** Whether a function knows files in a folder. */
  async hasFilesBelow(functionName: string, volume: string, path: string): Promise<boolean> {
    return this.#read(() => this.#reads.hasFilesBelow(functionName, volume, path));
  }

  /** What a function knows of the files of a volume, by path. */
  async files(functionName: string, volume: string): Promise<Map<string, FileStat>> {
    return this.#read(() => this.#reads.files(functionName, volume));
  }

  /** What MQTT clients left behind. */
  async sessions(): Promise<StoredSession[]> {
    return this.#read(() => this.#reads.sessions());
  }

  /** Messages that wait in a session, in order. */
  async sessionMessages(query: SessionPageQuery): Promise<SessionMessage[]> {
    return this.#read(() => this.#reads.sessionMessages(query));
  }

  /** Of the clients that were connected last. */
  async wills(): Promise<StoredWill[]> {
    return this.#read(() => this.#reads.wills());
  }

  async retained(): Promise<RetainedMessage[]> {
    return this.#read(() => this.#reads.retained());
  }

  /** Commits what waits, then closes the file. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#commits.close();
    if (!this.#database.isOpen) return;
    this.#database.close();
    await this.#log[Symbol.asyncDispose]();
  }

  #read<T>(work: () => T): Promise<T> {
    if (!this.#database.isOpen) return Promise.reject(new AgentError('closed', 'The local store is closed'));
    try {
      return Promise.resolve(work());
    } catch (error) {
      return Promise.reject(storeError(error, this.path));
    }
  }

  #guarded<T>(work: () => T): T {
    try {
      const written = work();
      this.#isFull = false;
      return written;
    } catch (cause) {
      const error = storeError(cause, this.path);
      const code = error instanceof AgentError ? error.code : 'bug';
      // Of a full disk once: it refuses every message and every run until there is room.
      if (code !== 'diskFull' || !this.#isFull)
        this.#logger.error('store.commit.failed', { code, error: errorMessage(cause) });
      this.#isFull = code === 'diskFull';
      if (code === 'corrupt') markSuspect(this.path);
      throw error;
    }
  }
}

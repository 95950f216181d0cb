import type { RelayAck } from '../../cloud-sync/protocol/messages.ts';
import { youngCollector } from '../../lib/collect-garbage.ts';
import { errorMessage } from '../../lib/error-code.ts';
import type { Logger } from '../../lib/logger.ts';
import type { StreamSpec } from '../../manifests/data.ts';
import type { LocalStore } from '../streams/local-store.ts';
import type { UplinkPort } from './ports.ts';
import { StreamSender } from './stream-sender.ts';

export type RelayOptions = {
  readonly store: Pick<LocalStore, 'records' | 'commit' | 'counts' | 'epoch' | 'onCommit' | 'beginEpoch'>;
  readonly now: () => Date;
  readonly logger: Logger;
  /** Default 15 s. */
  readonly ackTimeoutMs?: number;
  readonly random?: () => number;
  /** So many bytes of messages were sent. Default: collects what is left of them in memory. */
  readonly onPassed?: (bytes: number) => void;
};

/** On their way at once, over all streams: bounds memory. Batches, and bytes of the wire. */
const maxBatches = 16;
const maxWireBytes = 4 * 2 ** 20;
const maxTimerMs = 60_000;
/** What a backlog leaves in memory between two collections: of messages; of batches about as much more. */
const collectEveryBytes = 2 * 2 ** 20;
/** New epochs a start of the agent. A cloud that is ahead of them all is broken, and is not followed for ever. */
const maxNewEpochs = 3;

/**
 * Store and forward: whatever relayed streams hold beyond their cursors goes up while there is a link, by priority between
 * streams, in order within each. Memory does not grow with the backlog.
 */
export class Relay implements AsyncDisposable {
  readonly #options: Required<RelayOptions>;
  readonly #senders = new Map<string, StreamSender>();
  /** In the order in which they may send. */
  #order: readonly StreamSender[] = [];
  readonly #sending = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  readonly #cleanup = new DisposableStack();
  #detach: (() => void) | undefined;
  #uplink: UplinkPort | undefined;
  #timer: NodeJS.Timeout | undefined;
  #newEpochs = 0;
  #beginning: Promise<boolean> | undefined;
  #problem: string | undefined;

  constructor(options: RelayOptions) {
    const onPassed = youngCollector({ everyBytes: collectEveryBytes });
    this.#options = { ackTimeoutMs: 15_000, random: Math.random, onPassed, ...options };
    this.#cleanup.defer(options.store.onCommit(() => this.#pump()));
  }

  /** Why nothing is sent although there is a link. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Streams of the present generation; those without `relay` stay here. */
  configure(streams: Readonly<Record<string, Pick<StreamSpec, 'relay'>>>): void {
    for (const [name, sender] of this.#senders) {
      if (streams[name]?.relay) continue;
      this.#senders.delete(name);
      this.#track(sender.stop());
    }
    for (const [name, { relay }] of Object.entries(streams)) {
      if (!relay) continue;
      const sender = this.#senders.get(name);
      if (sender) sender.configure(relay);
      else this.#senders.set(name, this.#open(name, relay));
    }
    this.#order = [...this.#senders.values()].sort((a, b) => a.priority - b.priority);
    this.#pump();
  }

  /** From now on over this link; one before it is let go. */
  attach(uplink: UplinkPort): void {
    this.#detach?.();
    this.#uplink = uplink;
    const stopAcks = uplink.onRelayAck((ack) => this.#acked(ack));
    const stopChanges = uplink.onConnectionChange((connected) => {
      for (const sender of this.#order) {
        if (connected) sender.reconnected();
        else sender.disconnected();
      }
      this.#pump();
    });
    const stopOlder = uplink.onOlderDisk(async () => {
      const begun = this.#begin({ reason: 'this disk is older than what the cloud was told from it' });
      this.#track(begun.then(() => undefined));
      if (!(await begun)) throw new Error('No new epoch could be begun');
    });
    this.#detach = () => {
      stopAcks();
      stopChanges();
      stopOlder();
    };
    this.#pump();
  }

  /** Sends nothing more. What is on its way and not acked is sent again at the next start. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#detach?.();
    this.#uplink = undefined;
    this.#cleanup.dispose();
    this.#stop.abort();
    await Promise.all(this.#order.map((sender) => sender.stop()));
    await Promise.all(this.#sending);
    clearTimeout(this.#timer);
  }

  #open(stream: string, spec: NonNullable<StreamSpec['relay']>): StreamSender {
    const { logger, ...rest } = this.#options;
    const own = {
      ...{ stream, logger: logger.child({ stream }) },
      onChange: () => this.#pump(),
      onAhead: (seq: number) => this.#track(this.#overtaken(stream, seq)),
    };
    return new StreamSender({ ...rest, ...own }, spec);
  }

  #acked(ack: RelayAck): void {
    if (ack.epoch !== this.#options.store.epoch) return;
    this.#senders.get(ack.stream)?.acknowledge(ack);
    this.#pump();
  }

  /** The cloud has more of a stream than this device. */
  async #overtaken(stream: string, seq: number): Promise<void> {
    const { store, logger } = this.#options;
    if (this.#beginning || this.#problem !== undefined) return;
    const { lastSeq } = store.counts.stream(stream);
    if (this.#newEpochs >= maxNewEpochs) {
      this.#problem = `The cloud has messages of the stream ${stream} up to ${seq}, this device only up to ${lastSeq}. Enrol it anew.`;
      logger.error('relay.halted', { stream, seq, lastSeq });
      return;
    }
    this.#newEpochs++;
    await this.#begin({ reason: 'the cloud has more than this device', stream, seq, lastSeq });
  }

  /**
   * The disk is older than what it once sent: in this epoch, new messages would be taken for ones that the cloud has. What
   * is unacknowledged goes on in a new one. Resolves to whether that has begun; nothing is sent meanwhile.
   */
  #begin(why: Readonly<Record<string, unknown>>): Promise<boolean> {
    this.#beginning ??= Promise.resolve().then(() => this.#beginEpoch(why));
    return this.#beginning;
  }

  async #beginEpoch(why: Readonly<Record<string, unknown>>): Promise<boolean> {
    const { store, logger } = this.#options;
    let isBegun = false;
    try {
      await Promise.all(this.#order.map((sender) => sender.stop()));
      await store.beginEpoch();
      isBegun = true;
      logger.warn('relay.epoch.begun', why);
    } catch (error) {
      logger.error('relay.epoch.failed', { error: errorMessage(error) });
    }
    this.#beginning = undefined;
    for (const sender of this.#order) sender.restart();
    this.#pump();
    return isBegun;
  }

  #pump(): void {
    clearTimeout(this.#timer);
    const uplink = this.#uplink;
    if (!uplink?.connected || this.#beginning || this.#problem !== undefined) return;
    let next = maxTimerMs;
    for (const sender of this.#order) {
      const due = sender.dueInMs;
      if (due === undefined) continue;
      if (due > 0) next = Math.min(next, due);
      else if (this.#hasRoomFor(sender)) this.#track(sender.send(uplink, this.#stop.signal));
    }
    if (this.#order.length > 0) this.#timer = setTimeout(() => this.#pump(), next);
  }

  /** One place is kept for streams of the first priority, so that they wait for nothing but the wire. */
  #hasRoomFor({ priority }: StreamSender): boolean {
    let batches = 0;
    let wireBytes = 0;
    for (const sender of this.#order) {
      const { inFlight } = sender;
      batches += inFlight.batches;
      wireBytes += inFlight.wireBytes;
    }
    const kept = priority === this.#order[0]?.priority ? 0 : 1;
    return batches < maxBatches - kept && wireBytes < maxWireBytes;
  }

  #track(work: Promise<void>): void {
    this.#sending.add(work);
    void work.finally(() => {
      this.#sending.delete(work);
      this.#pump();
    });
  }
}

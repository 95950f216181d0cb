import type { RelayAck } from '../../cloud-sync/protocol/messages.ts';
import type { Logger } from '../../lib/logger.ts';
import type { StreamSpec } from '../../manifests/data.ts';
import type { LocalStore } from '../streams/local-store.ts';
import type { UplinkPort } from './ports.ts';
import { StreamSender } from './stream-sender.ts';

export type RelayOptions = {
  readonly store: LocalStore;
  readonly now: () => Date;
  readonly logger: Logger;
  /** Default 15 s. */
  readonly ackTimeoutMs?: number;
  readonly random?: () => number;
};

/** Batches on their way at once, over all streams: bounds memory, and lets the first priority go first. */
const maxInFlight = 4;
const maxTimerMs = 60_000;

/**
 * Store and forward: whatever relayed streams hold beyond their cursors goes up while there is a link, by priority between
 * streams, in order within each. Memory does not grow with the backlog.
 */
export class Relay implements AsyncDisposable {
  readonly #options: Required<RelayOptions>;
  readonly #senders = new Map<string, StreamSender>();
  readonly #sending = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  readonly #cleanup = new DisposableStack();
  #detach: (() => void) | undefined;
  #uplink: UplinkPort | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: RelayOptions) {
    this.#options = { ackTimeoutMs: 15_000, random: Math.random, ...options };
    this.#cleanup.defer(options.store.onCommit(() => this.#pump()));
  }

  /** Streams of the present generation; those without `relay` stay here. */
  configure(streams: Readonly<Record<string, StreamSpec>>): void {
    for (const name of this.#senders.keys()) if (!streams[name]?.relay) this.#senders.delete(name);
    for (const [name, { relay }] of Object.entries(streams)) {
      if (!relay) continue;
      const sender = this.#senders.get(name);
      if (sender) sender.configure(relay);
      else {
        const { logger, ...rest } = this.#options;
        const scoped = { ...rest, stream: name, logger: logger.child({ stream: name }) };
        this.#senders.set(name, new StreamSender(scoped, relay));
      }
    }
    this.#pump();
  }

  /** From now on over this link; one before it is let go. */
  attach(uplink: UplinkPort): void {
    this.#detach?.();
    this.#uplink = uplink;
    const stopAcks = uplink.onRelayAck((ack) => this.#acked(ack));
    const stopChanges = uplink.onConnectionChange((connected) => {
      if (connected) for (const sender of this.#senders.values()) sender.reconnected();
      this.#pump();
    });
    this.#detach = () => {
      stopAcks();
      stopChanges();
    };
    this.#pump();
  }

  /** Sends nothing more. What is on its way and not acked is sent again at the next start. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#detach?.();
    this.#uplink = undefined;
    this.#cleanup.dispose();
    this.#stop.abort();
    await Promise.all(this.#sending);
    clearTimeout(this.#timer);
  }

  #acked(ack: RelayAck): void {
    if (ack.epoch !== this.#options.store.epoch) return;
    this.#senders.get(ack.stream)?.acknowledge(ack);
    this.#pump();
  }

  #pump(): void {
    clearTimeout(this.#timer);
    const uplink = this.#uplink;
    if (!uplink?.connected) return;
    let next = maxTimerMs;
    const byPriority = [...this.#senders.values()].sort((a, b) => a.priority - b.priority);
    for (const sender of byPriority) {
      const due = sender.dueInMs;
      if (due === undefined) continue;
      if (due > 0) next = Math.min(next, due);
      else if (this.#sending.size < maxInFlight) this.#start(sender, uplink);
    }
    if (byPriority.length > 0) this.#timer = setTimeout(() => this.#pump(), next);
  }

  #start(sender: StreamSender, uplink: UplinkPort): void {
    const work = sender.send(uplink, this.#stop.signal);
    this.#sending.add(work);
    void work.finally(() => {
      this.#sending.delete(work);
      this.#pump();
    });
  }
}

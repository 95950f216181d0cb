/** Of one stream at once. Bytes are those of the wire. */
const maxBatches = 12;
const maxWireBytes = 2 * 2 ** 20;
/**
 * Of payloads and topics in a batch: between these, by how soon batches are acknowledged. Larger ones would compress no
 * better, and cost more memory and, out of the processor's caches, more time.
 */
const batchBytes = { min: 8 * 1024, first: 64 * 1024, max: 128 * 1024 };
/** A batch acknowledged within the first of these makes the window larger, one beyond the second smaller. */
const soonMs = 1000;
const lateMs = 4000;
/** What a batch must hold to be sent while others are on their way: for each of these as much. */
const worthEntries = 256;
const worthBytes = 64 * 1024;

/** What is on its way, and what waits; `meanBytes` of a message that waits. */
export type Traffic = {
  readonly batches: number;
  readonly wireBytes: number;
  readonly backlog: number;
  readonly meanBytes: number;
};

/**
 * How much of a stream may be on its way, unacknowledged. It begins small, grows while the cloud answers soon and shrinks
 * when it does not: on a slow link a batch that waits behind too many others would be given up as lost, again and again.
 */
export class SendWindow {
  #batches = 2;
  #batchBytes = batchBytes.first;

  /** Of payloads and topics in the next batch. */
  get batchBytes(): number {
    return this.#batchBytes;
  }

  /**
   * Thin traffic goes at once while nothing is on its way, else with what comes until the ack: batches fill by themselves
   * as traffic becomes dense, and nothing waits longer than one round trip.
   */
  admits({ batches, wireBytes, backlog, meanBytes }: Traffic): boolean {
    if (batches === 0) return true;
    if (batches >= this.#batches || wireBytes >= maxWireBytes) return false;
    return backlog >= batches * worthEntries || backlog * meanBytes >= batches * worthBytes;
  }

  acked(tookMs: number): void {
    if (tookMs <= soonMs) {
      this.#batches = Math.min(maxBatches, this.#batches + 1);
      this.#batchBytes = Math.min(batchBytes.max, this.#batchBytes * 2);
    } else if (tookMs > lateMs) this.#shrink(2);
  }

  lost(): void {
    this.#batches = 1;
    this.#shrink(4);
  }

  #shrink(by: number): void {
    this.#batches = Math.max(1, this.#batches - 1);
    this.#batchBytes = Math.max(batchBytes.min, this.#batchBytes / by);
  }
}

import { SyncError } from '../errors.ts';

export type RateGuardOptions = {
  readonly minBytesPerSecond: number;
  readonly windowMs: number;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
};

/** Ends a download that trickles: under the minimum rate over a whole window. Time spent outside `waiting` is not counted. */
export class RateGuard {
  readonly #options: RateGuardOptions;
  #waitedMs = 0;
  #bytes = 0;

  constructor(options: RateGuardOptions) {
    this.#options = options;
  }

  /** The chunks of `source`, until it is too slow: then rejects with `rateTooLow`, transient. */
  async *watch(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const { now } = this.#options;
    let since = now();
    for await (const chunk of source) {
      this.#count(now() - since, chunk.byteLength);
      yield chunk;
      since = now();
    }
  }

  #count(waitedMs: number, bytes: number): void {
    const { windowMs, minBytesPerSecond } = this.#options;
    this.#waitedMs += waitedMs;
    this.#bytes += bytes;
    if (this.#waitedMs < windowMs) return;
    const rate = (this.#bytes * 1000) / this.#waitedMs;
    if (rate < minBytesPerSecond) {
      throw new SyncError(
        'rateTooLow',
        `The download came at ${Math.round(rate)} bytes a second, under ${minBytesPerSecond}`,
        {
          transient: true,
          hint: 'Check the network; the download goes on from where it stopped.',
        },
      );
    }
    this.#waitedMs = 0;
    this.#bytes = 0;
  }
}

import { youngCollector } from '../../../lib/collect-garbage.ts';
import type { Digest } from '../../../lib/digest.ts';
import type { PullProgress } from './pull-request.ts';

const collectEveryBytes = 2 * 2 ** 20;

/** Counts what a pull has on disk and what came over the network. */
export class PullMeter {
  readonly #onProgress: ((progress: PullProgress) => void) | undefined;
  readonly #collect = youngCollector({ everyBytes: collectEveryBytes });
  readonly #held = new Map<Digest, number>();
  #bytesDone = 0;
  #bytesTotal = 0;
  #bytesFetched = 0;

  constructor(onProgress?: (progress: PullProgress) => void) {
    this.#onProgress = onProgress;
  }

  get bytesFetched(): number {
    return this.#bytesFetched;
  }

  /** Adds a blob's size to what is to be there in the end. */
  expect(bytes: number): void {
    this.#bytesTotal += bytes;
  }

  /** Bytes of a body that have come, good or not. */
  received(bytes: number): void {
    this.#bytesFetched += bytes;
  }

  /** Bytes of one blob that are on disk now. */
  held(digest: Digest, bytes: number): void {
    const more = bytes - (this.#held.get(digest) ?? 0);
    this.#bytesDone += more;
    this.#collect(more);
    this.#held.set(digest, bytes);
    const bytesDone = this.#bytesDone;
    this.#onProgress?.({ bytesDone, bytesTotal: this.#bytesTotal, bytesFetched: this.#bytesFetched });
  }
}

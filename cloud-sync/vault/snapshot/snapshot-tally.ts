import type { SnapshotProgress } from './snapshot-request.ts';

/** Counts what a snapshot is made of, and how far it is. */
export class SnapshotTally {
  /** The folder itself among them. */
  folders = 0;
  readonly files = { new: 0, changed: 0, unmodified: 0 };
  /** Of the files in the snapshot. */
  totalBytes = 0;
  /** Two numbers that the threads add to: files and bytes read. */
  readonly shared = new SharedArrayBuffer(16);
  readonly #read = new BigInt64Array(this.shared);
  readonly #startedAt = performance.now();
  #isWalking = true;
  #bytesKept = 0;
  #bytesToRead = 0;
  #emptyFiles = 0;

  /** A file taken over from the parent. */
  unmodified(size: number): void {
    this.files.unmodified += 1;
    this.#bytesKept += size;
    this.totalBytes += size;
  }

  toRead(size: number, wasThere: boolean): void {
    this.files[wasThere ? 'changed' : 'new'] += 1;
    this.#bytesToRead += size;
    if (size === 0) this.#emptyFiles += 1;
  }

  taken(size: number): void {
    this.totalBytes += size;
  }

  walkEnded(): void {
    this.#isWalking = false;
  }

  get durationMs(): number {
    return performance.now() - this.#startedAt;
  }

  progress(bytesAdded: number): SnapshotProgress {
    const files = this.files.unmodified + this.#emptyFiles;
    const bytesRead = Number(Atomics.load(this.#read, 1));
    const bytesPerSecond = bytesRead / Math.max(0.001, this.durationMs / 1_000);
    const bytesLeft = Math.max(0, this.#bytesToRead - bytesRead);
    return {
      filesDone: files + Number(Atomics.load(this.#read, 0)),
      bytesDone: this.#bytesKept + bytesRead,
      filesTotal: this.#isWalking ? null : this.files.new + this.files.changed + this.files.unmodified,
      bytesTotal: this.#isWalking ? null : this.#bytesKept + this.#bytesToRead,
      bytesAdded,
      bytesPerSecond,
      remainingMs: this.#isWalking || bytesPerSecond === 0 ? null : (bytesLeft / bytesPerSecond) * 1_000,
    };
  }
}

import type { RestoreProgress } from './restore-request.ts';

type Report = (progress: RestoreProgress) => void;

/** Reports are this far apart at least, but for those of a new phase. */
const reportEveryMs = 200;

/** Counts what is done and says so a few times a second, and at each new phase. */
export class RestoreMeter {
  readonly #report: Report;
  readonly #now: () => number;
  #phase: RestoreProgress['phase'] = 'planning';
  #phaseStartMs: number;
  #reportedMs = -Infinity;
  #files = { done: 0, total: 0 };
  #bytes = { done: 0, total: 0, atPhaseStart: 0 };

  /** `now`: milliseconds of a clock that never goes back. */
  constructor(report: Report = () => undefined, now: () => number = () => performance.now()) {
    this.#report = report;
    this.#now = now;
    this.#phaseStartMs = now();
  }

  enter(phase: RestoreProgress['phase']): void {
    this.#phase = phase;
    this.#phaseStartMs = this.#now();
    this.#bytes.atPhaseStart = this.#bytes.done;
    this.#tell();
  }

  expect(files: number, bytes: number): void {
    this.#files.total = files;
    this.#bytes.total = bytes;
  }

  add(files: number, bytes: number): void {
    this.#files.done += files;
    this.#bytes.done += bytes;
    if (this.#now() - this.#reportedMs >= reportEveryMs) this.#tell();
  }

  #tell(): void {
    this.#reportedMs = this.#now();
    const seconds = (this.#reportedMs - this.#phaseStartMs) / 1_000;
    const bytesPerSecond = seconds > 0 ? (this.#bytes.done - this.#bytes.atPhaseStart) / seconds : 0;
    const left = this.#bytes.total - this.#bytes.done;
    this.#report({
      phase: this.#phase,
      filesDone: this.#files.done,
      filesTotal: this.#files.total,
      bytesDone: this.#bytes.done,
      bytesTotal: this.#bytes.total,
      bytesPerSecond,
      remainingMs: bytesPerSecond > 0 ? (left / bytesPerSecond) * 1_000 : null,
    });
  }
}

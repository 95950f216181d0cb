/**
 * How many ops may share a step. What is in one step shares its CPU limit and its blame, so a step is kept short: a fraction of
 * the limits, by what ops of this function have used so far. After trouble each op has a step of its own for a while, so that
 * the next time it is known who it was.
 */
const budgetMs = 4;
const shareOfLimit = 1 / 4;
const maxOps = 16;
const opsAlone = 512;
const weight = 1 / 8;
/** Ops that must have been quick, one after another, before the process waits for one. */
const quickOps = 64;
const quickMs = 5;

export class BatchSize {
  #opCpuMs: number | undefined;
  #alone = 0;
  #quick = 0;
  #spoilt = false;

  /** Ops of the next step, when nothing may take longer than `limitMs`. */
  next(limitMs: number): number {
    if (this.#alone > 0 || this.#opCpuMs === undefined) return 1;
    const available = Math.min(budgetMs, limitMs * shareOfLimit);
    return Math.max(1, Math.min(maxOps, Math.floor(available / Math.max(this.#opCpuMs, 0.001))));
  }

  /** By what is known, an op is over in next to no time. */
  get isQuick(): boolean {
    return !this.#spoilt && this.#quick >= quickOps;
  }

  measured(ops: number, cpuMs: number): void {
    this.#quick = cpuMs > quickMs ? 0 : this.#quick + ops;
    const each = cpuMs / ops;
    this.#opCpuMs = this.#opCpuMs === undefined ? each : this.#opCpuMs + weight * (each - this.#opCpuMs);
    this.#alone = Math.max(0, this.#alone - ops);
  }

  /** It counted as quick, and was not: never again. */
  spoil(): void {
    this.#spoilt = true;
    this.suspect();
  }

  /** Something went wrong in a step of several. */
  suspect(): void {
    this.#alone = opsAlone;
    this.#quick = -opsAlone;
  }
}

/** What all connections together may have waiting to be read by their peers. */
const maxTotalBytes = 128 * 2 ** 20;

type Writer = { readonly waitingBytes: number; destroy(error: Error): unknown };

/** Bounds the memory of what slow readers have not read yet: the slowest goes when all together take too much. */
export class OutgoingBudget {
  readonly #waiting = new Map<Writer, number>();
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes = maxTotalBytes) {
    this.#maxBytes = maxBytes;
  }

  /** Called after every change of `waitingBytes`. */
  note(writer: Writer): void {
    const { waitingBytes } = writer;
    this.#bytes += waitingBytes - (this.#waiting.get(writer) ?? 0);
    if (waitingBytes === 0) this.#waiting.delete(writer);
    else this.#waiting.set(writer, waitingBytes);
    if (this.#bytes > this.#maxBytes) this.#relieve();
  }

  leave(writer: Writer): void {
    this.#bytes -= this.#waiting.get(writer) ?? 0;
    this.#waiting.delete(writer);
  }

  #relieve(): void {
    let slowest: readonly [Writer, number] | undefined;
    for (const entry of this.#waiting) if (entry[1] > (slowest?.[1] ?? 0)) slowest = entry;
    if (!slowest) return;
    const [writer, bytes] = slowest;
    this.leave(writer);
    writer.destroy(new Error(`${bytes} bytes wait to be read by it, the most of all`));
  }
}

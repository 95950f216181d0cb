import { paint, type Io, type Style } from './io.ts';

/** What a command says. With `--json` stdout carries one JSON document, or JSON lines for a stream, and nothing else. */
export class Output {
  readonly json: boolean;
  readonly #io: Io;

  constructor(io: Io, { json }: { json: boolean }) {
    this.#io = io;
    this.json = json;
  }

  /** The result: `value` as one JSON document, or what `human` returns. */
  result(value: unknown, human: () => string): void {
    const text = this.json ? JSON.stringify(value) : human();
    if (text !== '') this.#io.stdout.write(`${text}\n`);
  }

  /** One element of a stream, flushed at once. Same rules as `result`. */
  item(value: unknown, human: () => string): void {
    this.result(value, human);
  }

  /**
   * Of a daemon: that it is up. One that serves is not ended by who started it and has gone, or has no room for this line; from
   * here on whatever else its stdout does not take is lost as well.
   */
  announce(value: unknown, human: () => string): void {
    this.#io.stdout.removeAllListeners('error').on('error', () => undefined);
    this.result(value, human);
  }

  /** A remark beside the result, for people: stderr, never with `--json`. */
  note(text: string): void {
    if (!this.json) this.#io.stderr.write(`${text}\n`);
  }

  paint(style: Style, text: string): string {
    return paint(this.#io, 'stdout', style, text);
  }
}

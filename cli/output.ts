import { paint, type Io, type Style } from './io.ts';
import { escapeLines, escapePainted } from './printable.ts';

/**
 * What a command says. With `--json` stdout carries one JSON document, or JSON lines for a stream, and nothing else. In text for people
 * whatever could move the terminal comes as its escape, but the colours of `paint`: devices, functions and files have strangers' words.
 */
export class Output {
  readonly json: boolean;
  readonly #io: Io;

  constructor(io: Io, { json }: { json: boolean }) {
    this.#io = io;
    this.json = json;
  }

  /** The result: `value` as one JSON document, or what `human` returns. */
  result(value: unknown, human: () => string): void {
    this.#write(this.json ? JSON.stringify(value) : escapePainted(human()));
  }

  /** A result that is somebody's data: a terminal gets it as `result` gives it, a file or a program as it is. */
  data(value: unknown, text: () => string): void {
    const forPeople = (data: string) => (this.#io.stdout.isTTY ? escapeLines(data) : data);
    this.#write(this.json ? JSON.stringify(value) : forPeople(text()));
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
    if (!this.json) this.#io.stderr.write(`${escapePainted(text)}\n`);
  }

  paint(style: Style, text: string): string {
    return paint(this.#io, 'stdout', style, text);
  }

  #write(text: string): void {
    if (text !== '') this.#io.stdout.write(`${text}\n`);
  }
}

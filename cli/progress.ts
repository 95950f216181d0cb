import type { Io } from './io.ts';
import { printableInPlace } from './printable.ts';

/** Work faster than this shows no bar. */
const quietMs = 1000;
const redrawMs = 100;
const barColumns = 24;

export type ProgressOptions = {
  readonly label: string;
  /** Off with `--json`. */
  readonly enabled: boolean;
  readonly now?: () => number;
};

/** A bar on stderr for work over a second, only when stderr is a terminal. `using` clears its line. */
export class Progress implements Disposable {
  readonly #stderr: NodeJS.WriteStream;
  readonly #label: string;
  readonly #now: () => number;
  readonly #startedMs: number;
  readonly #enabled: boolean;
  #drawnMs = 0;

  constructor(io: Pick<Io, 'stderr'>, { label, enabled, now = Date.now }: ProgressOptions) {
    this.#stderr = io.stderr;
    this.#label = label;
    this.#now = now;
    this.#startedMs = now();
    this.#enabled = enabled && io.stderr.isTTY;
  }

  /** `done` of `total` bytes. */
  bytes(done: number, total: number): void {
    this.#draw(() => formatBar({ label: this.#label, done, total }));
  }

  /** `done` of `total` things. */
  count(done: number, total: number): void {
    this.#draw(() => formatBar({ label: this.#label, done, total, format: String }));
  }

  /** A step without a known length. */
  text(text: string): void {
    this.#draw(() => `${this.#label}: ${text}`);
  }

  /** A line of the caller's own behind the label. */
  line(render: () => string): void {
    this.#draw(() => `${this.#label} ${render()}`);
  }

  /** Also to be called before a result is written; a second time it does nothing. */
  [Symbol.dispose](): void {
    if (this.#drawnMs > 0) this.#stderr.write('\r\u001b[2K');
    this.#drawnMs = 0;
  }

  #draw(render: () => string): void {
    const now = this.#now();
    if (!this.#enabled || now - this.#startedMs < quietMs || now - this.#drawnMs < redrawMs) return;
    this.#drawnMs = now;
    const columns = this.#stderr.columns > 0 ? this.#stderr.columns : 80;
    this.#stderr.write(`\r\u001b[2K${printableInPlace(render()).slice(0, columns - 1)}`);
  }
}

export function formatBar({
  label,
  done,
  total,
  format = formatBytes,
}: {
  label: string;
  done: number;
  total: number;
  format?: (amount: number) => string;
}): string {
  const share = total <= 0 ? 1 : Math.min(1, done / total);
  const filled = Math.round(share * barColumns);
  const bar = '█'.repeat(filled) + '░'.repeat(barColumns - filled);
  return `${label} ${bar} ${String(Math.floor(share * 100)).padStart(3)} %  ${format(done)} of ${format(total)}`;
}

/** 1536 → `1.5 KiB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? String(value) : value.toFixed(1)} ${units[unit] ?? ''}`;
}

import { styleText } from 'node:util';

const barWidth = 28;

/** Tells the story: for people with headings, ticks and progress bars; with `--json` one event a line. */
export class Narrator {
  readonly #json: boolean;
  readonly #started = performance.now();
  #barShown = false;
  #headings = 0;
  failures = 0;

  constructor(json: boolean) {
    this.#json = json;
  }

  heading(text: string): void {
    const number = (this.#headings += 1);
    this.event('step', { number, text });
    this.#print(`\n${styleText('bold', `${number}. ${text}`)}`);
  }

  note(text: string): void {
    this.event('note', { text });
    this.#print(`   ${text}`);
  }

  /** A comparison: the story succeeds only when all hold. */
  check(text: string, holds: boolean, detail?: string): void {
    if (!holds) this.failures += 1;
    this.event('check', { text, holds, ...(detail === undefined ? {} : { detail }) });
    const mark = holds ? styleText('green', '✓') : styleText('red', '✗');
    this.#print(`   ${mark} ${text}${detail === undefined ? '' : `: ${detail}`}`);
  }

  progress(label: string, done: number, total: number): void {
    if (this.#json || !process.stdout.isTTY) return;
    const filled = Math.round((done / Math.max(1, total)) * barWidth);
    process.stdout.write(
      `\r   ${label} ${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)} ${done}/${total} `,
    );
    this.#barShown = true;
  }

  event(event: string, fields: Record<string, unknown> = {}): void {
    if (!this.#json) return;
    const atMs = Math.round(performance.now() - this.#started);
    process.stdout.write(`${JSON.stringify({ event, atMs, ...fields })}\n`);
  }

  get elapsedSeconds(): number {
    return (performance.now() - this.#started) / 1000;
  }

  #print(text: string): void {
    if (this.#json) return;
    if (this.#barShown) process.stdout.write('\r\u001b[2K');
    this.#barShown = false;
    process.stdout.write(`${text}\n`);
  }
}

import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Posix } from '../../../lib/posix.ts';
import { TokenBucket } from '../../../lib/token-bucket.ts';
import type { AppLine } from '../ports.ts';
import { OutputFile } from './output-file.ts';

/** Lines of one app: as many at once, then evenly. */
const rate = { count: 2000, perMs: 10_000 };
/** What was dropped is said as often. */
const dropReportMs = 5000;
const savePositionMs = 1000;

const positionsSchema = z.strictObject({ stdout: z.int().min(0), stderr: z.int().min(0) });
const positionsName = 'read.json';

type OutputReaderOptions = {
  readonly folder: string;
  readonly app: string;
  readonly instance: string;
  readonly posix: Posix | undefined;
  readonly onLine: (line: AppLine) => void;
  readonly now?: () => number;
};

/**
 * The lines of an app, at most `rate` of them; how many more there were is a line of its own. After a restart it goes on where it was a
 * second ago at the earliest: a line may come twice, none is lost but those over the rate.
 */
export class OutputReader {
  readonly #options: OutputReaderOptions;
  readonly #files: Readonly<Record<AppLine['stream'], OutputFile>>;
  readonly #bucket: TokenBucket;
  readonly #now: () => number;
  #droppedLines = 0;
  #droppedBytes = 0;
  #reportAt = 0;
  #saved = '';
  #saveAt = 0;

  constructor(options: OutputReaderOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#bucket = new TokenBucket(rate, this.#now);
    const positions = readPositions(options.folder);
    const file = (stream: AppLine['stream'], name: string) =>
      new OutputFile({
        path: join(options.folder, name),
        offset: positions[stream],
        posix: options.posix,
        onLine: (text) => this.#give(stream, text),
        onSkipped: (bytes) => {
          this.#droppedBytes += bytes;
        },
      });
    this.#files = { stdout: file('stdout', 'out'), stderr: file('stderr', 'err') };
  }

  /** Synchronous, a few milliseconds at most. */
  look(): void {
    for (const file of Object.values(this.#files)) file.look();
    this.#report();
    if (this.#now() >= this.#saveAt) this.#save();
  }

  /** Everything to the end: the app has ended. */
  finish(): void {
    for (const file of Object.values(this.#files)) file.finish();
    this.#reportAt = 0;
    this.#report();
    this.close();
  }

  close(): void {
    this.#save();
    for (const file of Object.values(this.#files)) file.close();
  }

  #give(stream: AppLine['stream'], text: string): void {
    if (this.#bucket.take() > 0) this.#droppedLines += 1;
    else this.#line(stream, text);
  }

  #line(stream: AppLine['stream'], text: string): void {
    const { app, instance } = this.#options;
    this.#options.onLine({ app, instance, stream, text });
  }

  #report(): void {
    if (this.#droppedLines + this.#droppedBytes === 0 || this.#now() < this.#reportAt) return;
    const parts = [
      ...(this.#droppedLines > 0 ? [`${this.#droppedLines} lines`] : []),
      ...(this.#droppedBytes > 0 ? [`${this.#droppedBytes} bytes`] : []),
    ];
    this.#line(
      'stderr',
      `holdfast: dropped ${parts.join(' and ')} of output: more than ${rate.count} lines in ${rate.perMs / 1000} s`,
    );
    this.#droppedLines = this.#droppedBytes = 0;
    this.#reportAt = this.#now() + dropReportMs;
  }

  /** Not synced: after a loss of power nobody goes on reading. */
  #save(): void {
    this.#saveAt = this.#now() + savePositionMs;
    const { stdout, stderr } = this.#files;
    const text = JSON.stringify({ stdout: stdout.position, stderr: stderr.position });
    if (text === this.#saved) return;
    const path = join(this.#options.folder, positionsName);
    writeFileSync(`${path}.tmp`, text, { mode: 0o600 });
    renameSync(`${path}.tmp`, path);
    this.#saved = text;
  }
}

function readPositions(folder: string): z.output<typeof positionsSchema> {
  try {
    return positionsSchema.parse(JSON.parse(readFileSync(join(folder, positionsName), 'utf8')));
  } catch {
    // None yet: from the start.
    return { stdout: 0, stderr: 0 };
  }
}

import { appendFile, mkdir, open, rename, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { LogEvent } from '../../lib/logger.ts';

export type LogJournalOptions = {
  readonly folder: string;
  /** A file is set aside when it grows past this. Default 8 MiB. */
  readonly maxFileBytes?: number;
  /** Files set aside to keep. Default 3. */
  readonly keep?: number;
};

export type LogQuery = {
  readonly lines: number;
  /** Only lines about this function, or this app. */
  readonly function?: string | undefined;
  readonly app?: string | undefined;
};

const recentMax = 2000;
const pendingMaxBytes = 4 * 2 ** 20;
const flushMs = 200;
/** Where the disk took nothing: what it has left is for others. */
const refusedFlushMs = 3000;
/** Read of each of the two newest files at the start. */
const tailBytes = 2 ** 20;

/** The agent's and its functions' logs: JSON lines on disk, rotated, with the newest in memory for `logs -f`. */
export class LogJournal {
  readonly #path: string;
  readonly #maxFileBytes: number;
  readonly #keep: number;
  readonly #recent: LogEvent[];
  readonly #followers = new Set<(event: LogEvent) => void>();
  #pending: string[] = [];
  #pendingBytes = 0;
  #dropped = 0;
  #isRefused = false;
  #fileBytes: number;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  private constructor(
    path: string,
    fileBytes: number,
    { maxFileBytes = 8 * 2 ** 20, keep = 3 }: LogJournalOptions,
    earlier: readonly LogEvent[],
  ) {
    this.#recent = [...earlier];
    this.#path = path;
    this.#fileBytes = fileBytes;
    this.#maxFileBytes = maxFileBytes;
    this.#keep = keep;
  }

  /** Knows the newest events from before a restart. */
  static async open(options: LogJournalOptions): Promise<LogJournal> {
    await mkdir(options.folder, { recursive: true, mode: 0o700 });
    const path = join(options.folder, 'agent.jsonl');
    await using file = await open(path, 'a', 0o600);
    const earlier = [...(await tailOf(`${path}.1`)), ...(await tailOf(path))].slice(-recentMax);
    return new LogJournal(path, (await file.stat()).size, options, earlier);
  }

  /** Never blocks and never fails: when the disk cannot keep up, lines wait in memory; beyond 4 MiB they are dropped and counted. */
  readonly write = (event: LogEvent): void => {
    this.#recent.push(event);
    if (this.#recent.length > recentMax) this.#recent.shift();
    for (const follower of this.#followers) follower(event);
    this.#timer ??= setTimeout(() => void this.#flush(), this.#isRefused ? refusedFlushMs : flushMs);
    const line = `${JSON.stringify(event)}\n`;
    if (this.#pendingBytes + line.length > pendingMaxBytes) {
      this.#dropped += 1;
      return;
    }
    this.#pending.push(line);
    this.#pendingBytes += line.length;
  };

  /** The newest events, oldest first. */
  recent(query: LogQuery): LogEvent[] {
    const wanted = this.#recent.filter((event) => isAskedFor(event, query));
    return query.lines === 0 ? [] : wanted.slice(-query.lines);
  }

  follow(listener: (event: LogEvent) => void): () => void {
    this.#followers.add(listener);
    return () => this.#followers.delete(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#flush();
  }

  async #flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#writing.then(() => this.#writePending());
    await this.#writing;
  }

  /** Never rejects: what the disk does not take goes with the next lines. */
  async #writePending(): Promise<void> {
    const text = this.#pending.join('');
    const dropped = this.#dropped;
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#dropped = 0;
    try {
      await this.#append(dropped === 0 ? text : `${text}${droppedLine(dropped)}`);
      this.#isRefused = false;
    } catch {
      this.#isRefused = true;
      this.#dropped += dropped;
      this.#pending.unshift(text);
      this.#pendingBytes += text.length;
      await this.#cutBack();
    }
  }

  /** Of a full disk a part may have been taken, down to half a line. */
  async #cutBack(): Promise<void> {
    const { size } = await stat(this.#path).catch(() => ({ size: 0 }));
    // A file that somebody else made shorter would get longer.
    if (size > this.#fileBytes) await truncate(this.#path, this.#fileBytes).catch(() => undefined);
  }

  async #append(text: string): Promise<void> {
    if (text === '') return;
    if (this.#fileBytes > this.#maxFileBytes) await this.#rotate();
    await appendFile(this.#path, text, { mode: 0o600 });
    this.#fileBytes += Buffer.byteLength(text);
  }

  async #rotate(): Promise<void> {
    for (let index = this.#keep - 1; index >= 1; index--)
      await renameIfPresent(`${this.#path}.${index}`, `${this.#path}.${index + 1}`);
    await rename(this.#path, `${this.#path}.1`);
    this.#fileBytes = 0;
  }
}

function droppedLine(count: number): string {
  const event: LogEvent = { time: new Date().toISOString(), level: 'warn', event: 'log.dropped', count };
  return `${JSON.stringify(event)}\n`;
}

/** Whether a line is about what the query names. */
export function isAskedFor(event: LogEvent, query: Pick<LogQuery, 'function' | 'app'>): boolean {
  return (
    (query.function === undefined || event.function === query.function) &&
    (query.app === undefined || event.app === query.app)
  );
}

async function renameIfPresent(from: string, to: string): Promise<void> {
  const present = await stat(from).catch(() => undefined);
  if (present) await rename(from, to);
}

/** The events at the end of a file; none when there is no such file. A line that a power cut tore is left out. */
async function tailOf(path: string): Promise<LogEvent[]> {
  if (!(await stat(path).catch(() => undefined))) return [];
  await using file = await open(path, 'r');
  const { size } = await file.stat();
  const start = Math.max(0, size - tailBytes);
  const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(size - start), position: start });
  const lines = buffer.toString('utf8', 0, bytesRead).split('\n');
  return lines.slice(start === 0 ? 0 : 1).flatMap((line) => {
    const event = parseLine(line);
    return event ? [event] : [];
  });
}

const lineSchema = z.looseObject({
  time: z.string(),
  level: z.enum(['debug', 'info', 'warn', 'error']),
  event: z.string(),
});

function parseLine(line: string): LogEvent | undefined {
  try {
    return lineSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

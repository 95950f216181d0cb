import { appendFile, readFile, rename, writeFile } from 'node:fs/promises';

/** What the function `weather-summary` says of a day. */
export type Reading = {
  readonly date: string;
  readonly tempMaxF: number;
  readonly tempMinF: number;
  readonly precipitationIn: number;
  readonly windMph: number;
  readonly weather: string;
};

/** Days that are kept, and shown. */
const maxReadings = 366;
const numbers = ['tempMaxF', 'tempMinF', 'precipitationIn', 'windMph'] as const;

/** The latest readings, one a date, kept as JSON lines in a volume: a restart shows what was there before. */
export class Readings {
  readonly #path: string;
  readonly #byDate: Map<string, Reading>;
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string, readings: readonly Reading[]) {
    this.#path = path;
    this.#byDate = new Map(readings.map((reading) => [reading.date, reading]));
  }

  /** A torn last line, from a machine that lost its power, is left out. */
  static async open(path: string): Promise<Readings> {
    const kept = (await readIfPresent(path)).split('\n').flatMap((line) => parseReading(line) ?? []);
    const readings = new Readings(path, kept);
    const temporary = `${path}.tmp`;
    await writeFile(temporary, readings.#lines());
    await rename(temporary, path);
    return readings;
  }

  /** Oldest first. */
  get all(): readonly Reading[] {
    return [...this.#byDate.values()].sort((a, b) => (a.date < b.date ? -1 : 1)).slice(-maxReadings);
  }

  /** Resolves when it is written. */
  add(reading: Reading): Promise<void> {
    this.#byDate.set(reading.date, reading);
    this.#writing = this.#writing.then(() => appendFile(this.#path, `${JSON.stringify(reading)}\n`));
    return this.#writing;
  }

  #lines(): string {
    return this.all.map((reading) => `${JSON.stringify(reading)}\n`).join('');
  }
}

async function readIfPresent(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

/** Undefined for what is no reading. */
export function parseReading(text: string): Reading | undefined {
  try {
    const value = JSON.parse(text) as Partial<Record<keyof Reading, unknown>>;
    const { date, weather } = value;
    if (typeof date !== 'string' || !/^\d{4}-\d{2}-\d{2}$/.test(date)) return undefined;
    if (typeof weather !== 'string' || !/^[a-z]{1,16}$/.test(weather)) return undefined;
    if (numbers.some((name) => !Number.isFinite(value[name]))) return undefined;
    return value as Reading;
  } catch {
    return undefined;
  }
}

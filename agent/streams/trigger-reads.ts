import type { DatabaseSync } from 'node:sqlite';
import { eventFieldsOf } from './event-of.ts';
import type { FailureNote, NewEvent } from './operations.ts';
import type { FileStat, Pause, Spending } from './trigger-operations.ts';

/** An event that was given up. Times in milliseconds since 1970. */
export type DeadLetter = NewEvent & {
  readonly id: number;
  readonly attempts: number;
  readonly died: number;
  readonly error: FailureNote;
};

/** A schedule of a function was followed up to the run that was planned for then; milliseconds since 1970. */
export type Plan = { readonly function: string; readonly schedule: string; readonly planned: number };

/** A function that knows files of a volume. */
export type FileHolder = { readonly function: string; readonly volume: string };

export type DeadLettersQuery = {
  readonly function: string;
  /** Only those with a greater id. */
  readonly after: number;
  readonly limit: number;
  /** Stops after the one that reaches this; at least one comes. */
  readonly maxBytes: number;
};

type Row = Record<string, unknown>;

export function prepareTriggerReads(database: DatabaseSync) {
  const deadLetters = database.prepare(
    'SELECT * FROM dead_letters WHERE function = ? AND id > ? ORDER BY id LIMIT ?',
  );
  const plans = database.prepare('SELECT * FROM schedules');
  const files = database.prepare('SELECT * FROM files WHERE function = ? AND volume = ?');
  const file = database.prepare('SELECT * FROM files WHERE function = ? AND volume = ? AND path = ?');
  const below = database.prepare(
    'SELECT 1 FROM files WHERE function = ? AND volume = ? AND path > ? AND path < ? LIMIT 1',
  );
  const holders = database.prepare('SELECT DISTINCT function, volume FROM files');
  return {
    deadLetters: ({ function: name, after, limit, maxBytes }: DeadLettersQuery): DeadLetter[] => {
      const found: DeadLetter[] = [];
      let bytes = 0;
      for (const row of deadLetters.iterate(name, after, limit)) {
        const letter = deadLetterOf(row);
        found.push(letter);
        bytes += letter.payload.byteLength;
        if (bytes >= maxBytes) break;
      }
      return found;
    },
    plans: (): Plan[] =>
      plans.all().map((row) => ({
        function: String(row.function),
        schedule: String(row.schedule),
        planned: Number(row.planned),
      })),
    files: (name: string, volume: string): Map<string, FileStat> =>
      new Map(files.all(name, volume).map((row) => [String(row.path), statOf(row)] as const)),
    file: (name: string, volume: string, path: string): FileStat | undefined => {
      const row = file.get(name, volume, path);
      return row && statOf(row);
    },
    hasFilesBelow: (name: string, volume: string, path: string): boolean =>
      // `0` comes right after `/`.
      below.get(name, volume, `${path}/`, `${path}0`) !== undefined,
    fileHolders: (): FileHolder[] =>
      holders.all().map((row) => ({ function: String(row.function), volume: String(row.volume) })),
  };
}

export function loadPauses(database: DatabaseSync): [name: string, Pause][] {
  return database
    .prepare('SELECT * FROM pauses')
    .all()
    .map((row) => [String(row.function), { since: Number(row.since), reason: String(row.reason) }]);
}

export function loadSpendings(database: DatabaseSync): [name: string, Spending][] {
  return database
    .prepare('SELECT * FROM spending')
    .all()
    .map((row) => [
      String(row.function),
      {
        day: String(row.day),
        invocations: Number(row.invocations),
        egressBytes: Number(row.egress_bytes),
        cpuMs: Number(row.cpu_ms),
        dropped: Number(row.dropped),
        lifted: row.lifted === 1,
      },
    ]);
}

function statOf({ size, modified, inode }: Row): FileStat {
  return { size: Number(size), modified: Number(modified), inode: Number(inode) };
}

function deadLetterOf(row: Row): DeadLetter {
  const error = { code: String(row.error_code), message: String(row.error_message) };
  return { ...eventFieldsOf(row), died: Number(row.died), error };
}

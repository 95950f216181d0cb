import type { DatabaseSync } from 'node:sqlite';
import { WaitingBits } from './waiting-bits.ts';

/** The greatest id that an event ever had. */
export function loadLastEvent(database: DatabaseSync): number {
  return Number(database.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'events'").get()?.seq ?? 0);
}

/** How many events each function has waiting, in rows and in pages. Damaged pages are found when they are read to be run. */
export function loadQueued(database: DatabaseSync): Map<string, number> {
  const counts = new Map<string, number>();
  const add = (name: unknown, count: number): void => {
    counts.set(String(name), (counts.get(String(name)) ?? 0) + count);
  };
  for (const { name, n } of database
    .prepare('SELECT function AS name, count(*) AS n FROM events GROUP BY function')
    .iterate())
    add(name, Number(n));
  for (const { id, function: name, waiting } of database
    .prepare('SELECT id, function, waiting FROM event_pages')
    .iterate())
    add(name, new WaitingBits(Number(id), waiting as Uint8Array).count);
  return counts;
}

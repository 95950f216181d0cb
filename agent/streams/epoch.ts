import { randomBytes } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';

/** 64 random bits: never the same again, on whatever disk. */
export function newEpoch(): string {
  return randomBytes(8).toString('hex');
}

/**
 * Binds the relay epoch to the identity that sends it: the cloud closes an epoch together with the certificate that opened
 * it. Another identity than before begins a new one, in which every stream goes on with what is unacknowledged, as number 1.
 * A store without an identity takes this one and keeps its epoch. True when an epoch began. [G5]
 */
export function bindEpoch(database: DatabaseSync, identity: string): boolean {
  const before = database.prepare("SELECT value FROM meta WHERE key = 'identity'").get()?.value;
  if (before === identity) return false;
  const begins = before !== undefined;
  database.exec('BEGIN IMMEDIATE');
  put(database, 'identity', identity);
  if (begins) renew(database);
  database.exec('COMMIT');
  return begins;
}

/** Begins a new epoch for the same identity, on disk when it returns it. Throws node:sqlite's error with nothing changed. */
export function beginEpoch(database: DatabaseSync): string {
  database.exec('PRAGMA synchronous = FULL; BEGIN IMMEDIATE');
  try {
    const epoch = renew(database);
    database.exec('COMMIT');
    return epoch;
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  } finally {
    database.exec('PRAGMA synchronous = NORMAL');
  }
}

function renew(database: DatabaseSync): string {
  const epoch = newEpoch();
  put(database, 'epoch', epoch);
  // Rows keep their numbers, so that this costs no space on a full disk.
  database.exec('UPDATE streams SET epoch_start = acked_seq');
  return epoch;
}

function put(database: DatabaseSync, key: string, value: string): void {
  database
    .prepare(
      'INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
    )
    .run(key, value);
}

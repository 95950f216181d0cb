import type { DatabaseSync, StatementSync } from 'node:sqlite';

/** The statements of trigger operations, prepared once. */
export function prepareTriggerWrites(database: DatabaseSync) {
  const sql = (text: string): StatementSync => database.prepare(text);
  return {
    putPlan: sql(
      `INSERT INTO schedules (function, schedule, planned) VALUES (?, ?, ?)
       ON CONFLICT (function, schedule) DO UPDATE SET planned = excluded.planned`,
    ),
    forgetPlan: sql('DELETE FROM schedules WHERE function = ? AND schedule = ?'),
    putPause: sql(
      `INSERT INTO pauses (function, since, reason) VALUES (?, ?, ?)
       ON CONFLICT (function) DO UPDATE SET since = excluded.since, reason = excluded.reason`,
    ),
    forgetPause: sql('DELETE FROM pauses WHERE function = ?'),
    putSpending: sql(
      `INSERT INTO spending (function, day, invocations, egress_bytes, cpu_ms, dropped, lifted) VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (function) DO UPDATE SET day = excluded.day, invocations = excluded.invocations,
         egress_bytes = excluded.egress_bytes, cpu_ms = excluded.cpu_ms, dropped = excluded.dropped, lifted = excluded.lifted`,
    ),
    putFile: sql(
      `INSERT INTO files (function, volume, path, size, modified, inode) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (function, volume, path) DO UPDATE SET size = excluded.size, modified = excluded.modified,
         inode = excluded.inode`,
    ),
    forgetFile: sql('DELETE FROM files WHERE function = ? AND volume = ? AND path = ?'),
    forgetFiles: sql('DELETE FROM files WHERE function = ? AND volume = ?'),
    discard: sql('DELETE FROM dead_letters WHERE id = ? AND function = ?'),
  };
}
export type TriggerWrites = ReturnType<typeof prepareTriggerWrites>;

import type { Database } from './schema.ts';

export type AuditEntry = {
  /** `operator:{name}`, `device:{name}` or `system`. */
  readonly actor: string;
  /** A stable dotted verb: `device.deploy`. */
  readonly action: string;
  readonly device?: string;
  readonly detail?: Readonly<Record<string, string | number | boolean>>;
};

/** Appends one row; nothing updates or removes rows of this table (triggers refuse it). Call it inside the change's transaction. */
export async function audit(db: Database, now: Date, entry: AuditEntry): Promise<void> {
  await db
    .insertInto('audit')
    .values({
      time: now.toISOString(),
      actor: entry.actor,
      action: entry.action,
      device: entry.device ?? null,
      detail: JSON.stringify(entry.detail ?? {}),
    })
    .execute();
}

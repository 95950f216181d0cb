import type { Online } from '../../protocol/messages.ts';
import type { Database } from './schema.ts';

export type Presence = Online & { readonly serial: string };

/**
 * Whether what a device (or its last will) says about its presence counts. An `online: true` comes over a live, checked
 * connection and always counts; an `online: false` of an older session, or of a certificate replaced since, does not.
 */
export function presenceCounts(stored: Presence | undefined, said: Presence): boolean {
  if (!stored || said.online) return true;
  return said.serial === stored.serial && said.session >= stored.session;
}

async function presenceOf(db: Database, device: string): Promise<(Presence & { since: string }) | undefined> {
  const row = await db.selectFrom('presence').selectAll().where('device', '=', device).executeTakeFirst();
  if (!row) return undefined;
  const { serial, session, boot, agent, since } = row;
  return { serial, online: row.online === 1, session, boot, agent, since };
}

/** Stores what counts; false when it was ignored. */
export async function recordPresence(
  db: Database,
  now: Date,
  device: string,
  said: Presence,
): Promise<boolean> {
  const stored = await presenceOf(db, device);
  if (!presenceCounts(stored, said)) return false;
  const { serial, session, boot, agent } = said;
  const row = { serial, online: said.online ? 1 : 0, session, boot, agent, since: now.toISOString() };
  await db
    .insertInto('presence')
    .values({ device, ...row })
    .onConflict((conflict) => conflict.column('device').doUpdateSet(row))
    .execute();
  return true;
}

/** After a start no device is connected yet, whatever the last run knew. */
export async function markAllOffline(db: Database, now: Date): Promise<void> {
  await db
    .updateTable('presence')
    .set({ online: 0, since: now.toISOString() })
    .where('online', '=', 1)
    .execute();
}

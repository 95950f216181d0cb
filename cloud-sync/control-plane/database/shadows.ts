import { absentShadow, type Shadow } from '../../../lib/shadow/shadow-document.ts';
import { shadowLimits } from '../../../lib/shadow/shadow-request.ts';
import type { Database, Tables } from './schema.ts';

export type ShadowEntry = { readonly name: string; readonly version: number; readonly timestamp: number };

/** Those that were never made, or were deleted, do not exist; their version goes on. */
export async function readShadow(db: Database, device: string, name: string): Promise<Shadow> {
  const row = await db
    .selectFrom('shadows')
    .selectAll()
    .where('device', '=', device)
    .where('name', '=', name)
    .executeTakeFirst();
  return row ? shadowOf(row) : absentShadow;
}

/** By name. */
export async function listShadows(db: Database, device: string): Promise<ShadowEntry[]> {
  return db
    .selectFrom('shadows')
    .select(['name', 'version', 'timestamp'])
    .where('device', '=', device)
    .where('present', '=', 1)
    .orderBy('name')
    .execute();
}

/** Call it inside the transaction that read the shadow. */
export async function writeShadow(db: Database, device: string, name: string, shadow: Shadow): Promise<void> {
  const { exists, version, timestamp, state, metadata } = shadow;
  const body = exists ? JSON.stringify({ state, metadata }) : '';
  const row = { present: exists ? 1 : 0, version, timestamp, body };
  await db
    .insertInto('shadows')
    .values({ device, name, ...row })
    .onConflict((conflict) => conflict.columns(['device', 'name']).doUpdateSet(row))
    .execute();
  if (!exists) await forgetOldest(db, device);
}

/** As many versions of deleted shadows are known as there may be shadows. */
async function forgetOldest(db: Database, device: string): Promise<void> {
  const gone = await db
    .selectFrom('shadows')
    .select('name')
    .where('device', '=', device)
    .where('present', '=', 0)
    .orderBy('timestamp', 'desc')
    .offset(shadowLimits.shadows)
    .limit(shadowLimits.shadows)
    .execute();
  const names = gone.map(({ name }) => name);
  if (names.length === 0) return;
  await db.deleteFrom('shadows').where('device', '=', device).where('name', 'in', names).execute();
}

function shadowOf({ present, version, timestamp, body }: Tables['shadows']): Shadow {
  if (present === 0) return { ...absentShadow, version, timestamp };
  const { state, metadata } = JSON.parse(body) as Pick<Shadow, 'state' | 'metadata'>;
  return { exists: true, version, timestamp, state, metadata };
}

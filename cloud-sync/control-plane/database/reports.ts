import { reportedSchema, type Reported } from '../../protocol/messages.ts';
import { recordPhase } from './generations.ts';
import type { Database } from './schema.ts';

/**
 * Stores a report unless a newer one of the same certificate is there; a new certificate counts from anew.
 * Gives back the highest stored number: what the device is told. [G1]
 */
export async function recordReport(
  db: Database,
  now: Date,
  { device, serial, report }: { device: string; serial: string; report: Reported },
): Promise<{ seq: number; stored: boolean }> {
  const last = await db
    .selectFrom('reported')
    .select(['seq', 'serial'])
    .where('device', '=', device)
    .executeTakeFirst();
  if (last?.serial === serial && last.seq >= report.seq) return { seq: last.seq, stored: false };
  const row = { serial, seq: report.seq, body: JSON.stringify(report), received: now.toISOString() };
  await db
    .insertInto('reported')
    .values({ device, ...row })
    .onConflict((conflict) => conflict.column('device').doUpdateSet(row))
    .execute();
  await recordPhase(db, now, { device, report });
  return { seq: report.seq, stored: true };
}

export function readReport(body: string): Reported {
  return reportedSchema.parse(JSON.parse(body));
}

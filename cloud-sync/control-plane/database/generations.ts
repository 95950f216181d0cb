import type { Digest } from '../../../lib/digest.ts';
import type { GenerationEntry } from '../../protocol/api.ts';
import { phaseSchema, type Desired, type Reported } from '../../protocol/messages.ts';
import type { Database } from './schema.ts';

export type NewGeneration = {
  readonly device: string;
  readonly digest: Digest;
  /** Canonical JSON of the resolved manifest. */
  readonly bytes: Uint8Array;
  readonly leave?: Leave | undefined;
};

/** `hold`: to disk, and no further until it is activated. `now`: without a wait for windows and locks. */
export type Leave = 'hold' | 'now';

/**
 * Makes a manifest the desired one. The digest that is desired already changes nothing; otherwise the generation is the
 * last one and one more, also when an older digest comes back. Call it inside a transaction.
 */
export async function addGeneration(
  db: Database,
  now: Date,
  { device, digest, bytes, leave }: NewGeneration,
): Promise<{ desired: Desired; unchanged: boolean }> {
  const last = await desiredOf(db, device);
  if (last?.digest === digest) return { desired: await ease(db, device, { last, leave }), unchanged: true };
  const created = now.toISOString();
  await db
    .insertInto('manifests')
    .values({ digest, bytes, created })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const row = {
    generation: (last?.generation ?? 0) + 1,
    digest,
    size: bytes.byteLength,
    leave: leave ?? null,
  };
  await db
    .insertInto('generations')
    .values({ device, ...row, created })
    .execute();
  return { desired: desiredFrom(row), unchanged: false };
}

export async function desiredOf(db: Database, device: string): Promise<Desired | undefined> {
  const row = await db
    .selectFrom('generations')
    .select(['generation', 'digest', 'size', 'leave'])
    .where('device', '=', device)
    .orderBy('generation', 'desc')
    .executeTakeFirst();
  return row && desiredFrom(row);
}

type DesiredRow = Pick<Desired, 'generation' | 'digest' | 'size'> & { readonly leave: Leave | null };

export function desiredFrom({ generation, digest, size, leave }: DesiredRow): Desired {
  return { generation, digest, size, ...(leave !== null && { [leave]: true }) };
}

/** What was told to go live is never held back again. */
async function ease(
  db: Database,
  device: string,
  { last, leave }: { readonly last: Desired; readonly leave: Leave | undefined },
): Promise<Desired> {
  const isEasier = leave === 'now' ? last.now !== true : leave === undefined && last.hold === true;
  return isEasier ? setLeave(db, device, { desired: last, leave: leave ?? null }) : last;
}

async function setLeave(
  db: Database,
  device: string,
  { desired, leave }: { readonly desired: Desired; readonly leave: Leave | null },
): Promise<Desired> {
  const { generation, digest, size } = desired;
  await db
    .updateTable('generations')
    .set({ leave })
    .where('device', '=', device)
    .where('generation', '=', generation)
    .execute();
  return desiredFrom({ generation, digest, size, leave });
}

/** The generation that is desired waits for nothing any more. */
export function activateGeneration(db: Database, device: string, desired: Desired): Promise<Desired> {
  return setLeave(db, device, { desired, leave: 'now' });
}

/** The newest first. */
export async function listGenerations(
  db: Database,
  device: string,
  limit: number,
): Promise<GenerationEntry[]> {
  const rows = await db
    .selectFrom('generations')
    .select(['generation', 'digest', 'size', 'leave', 'created', 'phase', 'reason', 'reported'])
    .where('device', '=', device)
    .orderBy('generation', 'desc')
    .limit(limit)
    .execute();
  return rows.map(({ created, phase, reason, reported, ...row }) => ({
    ...desiredFrom(row),
    ...{ created, phase: phase === null ? null : phaseSchema.parse(phase), reason, reported },
  }));
}

/**
 * Where an operator goes back to: generation `to`, or the newest before the desired one that the device committed and that is another
 * manifest. Undefined when there is none.
 */
export async function rollbackTarget(
  db: Database,
  device: string,
  { desired, to }: { readonly desired: Desired; readonly to?: number | undefined },
): Promise<{ generation: number; digest: string } | undefined> {
  const query = db.selectFrom('generations').select(['generation', 'digest']).where('device', '=', device);
  if (to !== undefined) return query.where('generation', '=', to).executeTakeFirst();
  return query
    .where('generation', '<', desired.generation)
    .where('digest', '!=', desired.digest)
    .where('phase', '=', 'committed')
    .orderBy('generation', 'desc')
    .executeTakeFirst();
}

/** What a report says of the generation that it is about. */
export async function recordPhase(
  db: Database,
  now: Date,
  { device, report }: { readonly device: string; readonly report: Reported },
): Promise<void> {
  const { observed, phase, conditions } = report;
  if (observed === null || phase === null) return;
  const isGivenUp = phase === 'failed' || phase === 'rejected' || phase === 'rolledBack';
  const reason = isGivenUp
    ? conditions
        .map(({ message }) => message)
        .join(' ')
        .slice(0, 2048)
    : null;
  await db
    .updateTable('generations')
    .set({ phase, reason, reported: now.toISOString() })
    .where('device', '=', device)
    .where('generation', '=', observed)
    .where((where) => where.or([where('phase', 'is', null), where('phase', '!=', phase)]))
    .execute();
}

/** The bytes of a manifest that was desired for this device at some time: another device's are not given. */
export async function manifestOf(
  db: Database,
  device: string,
  digest: string,
): Promise<Uint8Array | undefined> {
  const row = await db
    .selectFrom('manifests')
    .select('bytes')
    .where('digest', '=', digest)
    .where((where) =>
      where.exists(
        where
          .selectFrom('generations')
          .select('generations.device')
          .where('generations.device', '=', device)
          .whereRef('generations.digest', '=', 'manifests.digest'),
      ),
    )
    .executeTakeFirst();
  return row?.bytes;
}

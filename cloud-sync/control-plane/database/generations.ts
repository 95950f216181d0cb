import type { Digest } from '../../../lib/digest.ts';
import type { Desired } from '../../protocol/messages.ts';
import type { Database } from './schema.ts';

export type NewGeneration = {
  readonly device: string;
  readonly digest: Digest;
  /** Canonical JSON of the resolved manifest. */
  readonly bytes: Uint8Array;
};

/**
 * Makes a manifest the desired one. The digest that is desired already changes nothing; otherwise the generation is the
 * last one and one more, also when an older digest comes back. Call it inside a transaction.
 */
export async function addGeneration(
  db: Database,
  now: Date,
  { device, digest, bytes }: NewGeneration,
): Promise<{ desired: Desired; unchanged: boolean }> {
  const last = await desiredOf(db, device);
  if (last?.digest === digest) return { desired: last, unchanged: true };
  const created = now.toISOString();
  await db
    .insertInto('manifests')
    .values({ digest, bytes, created })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const desired = { generation: (last?.generation ?? 0) + 1, digest, size: bytes.byteLength };
  await db
    .insertInto('generations')
    .values({ device, ...desired, created })
    .execute();
  return { desired, unchanged: false };
}

export async function desiredOf(db: Database, device: string): Promise<Desired | undefined> {
  return db
    .selectFrom('generations')
    .select(['generation', 'digest', 'size'])
    .where('device', '=', device)
    .orderBy('generation', 'desc')
    .executeTakeFirst();
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

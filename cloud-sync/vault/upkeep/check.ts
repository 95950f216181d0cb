import type { Logger } from '../../../lib/logger.ts';
import type { BlobId, BlobType } from '../format/blob-id.ts';
import type { Repository } from '../repository.ts';
import { affectedSnapshots, type AffectedSnapshot } from './affected-paths.ts';
import type { BlobCatalog } from './blob-catalog.ts';
import { blobKey, blobOfKey, type BlobKey } from './blob-key.ts';
import { inspectRepository, type Inspection, type InspectOptions } from './inspect.ts';
import type { TreeInspection } from './inspect-trees.ts';
import { lockRepository } from './locks.ts';
import type { FileDamage, Survey } from './survey.ts';

export type CheckRequest = InspectOptions & {
  /** How long to wait for one that holds the repository alone, in milliseconds; default 0. */
  readonly waitMs?: number;
  readonly now?: () => Date;
  readonly logger?: Logger;
};

type Damage =
  | FileDamage
  | { readonly kind: 'pack'; readonly name: string; readonly message: string }
  /** No pack has it whole. `name` is its id. */
  | { readonly kind: BlobType; readonly name: BlobId; readonly message: string };

export type CheckReport = {
  /** Empty when everything that was looked at is as it was written. */
  readonly damages: readonly Damage[];
  /** What those mean for the snapshots: exactly the files and folders that cannot be given back. */
  readonly affected: readonly AffectedSnapshot[];
  /** Packs that no index names: no damage; a prune takes them. */
  readonly leftOver: { readonly packs: number; readonly bytes: number };
  readonly looked: {
    readonly snapshots: number;
    readonly trees: number;
    readonly blobs: number;
    readonly packs: number;
    readonly packsRead: number;
    readonly bytesRead: number;
  };
};

/** Of all affected paths so many are listed. */
const maxPaths = 100_000;

/**
 * Looks for damage: every file but the packs, the sizes of those, every tree, that each blob they name lies in a pack; with `readData`
 * every byte. Damage is in the report, not an error; rejects with `locked` and as the backend does. Changes nothing but its lock.
 */
export async function checkRepository(repository: Repository, request: CheckRequest): Promise<CheckReport> {
  const { waitMs, now, logger, ...options } = request;
  await using lock = await lockRepository(repository, {
    ...{ exclusive: false, signal: request.signal },
    ...(waitMs !== undefined && { waitMs }),
    ...(now && { now }),
    ...(logger && { logger }),
  });
  const signal = AbortSignal.any([request.signal, lock.lost]);
  return reportOf(await inspectRepository(repository, { ...options, signal }));
}

/** What was found, in the terms of who reads it. */
function reportOf({ survey, packs, catalog, trees }: Inspection): CheckReport {
  const packDamages = packs.damages.map(({ pack, problems }) => {
    return { kind: 'pack', name: pack, message: problems.join('; ') } as const;
  });
  return {
    damages: [...survey.damages, ...packDamages, ...blobDamages(catalog, trees)],
    affected: affectedSnapshots(survey.snapshots, trees, maxPaths),
    leftOver: leftOverOf(survey),
    looked: {
      ...{ snapshots: survey.snapshots.length, trees: trees.facts.size, blobs: catalog.blobCount },
      ...{ packs: survey.packs.size, packsRead: packs.read.packs, bytesRead: packs.read.bytes },
    },
  };
}

/** Those that an index names and no pack has; and those that snapshots need and that no index names. */
function blobDamages(catalog: BlobCatalog, trees: TreeInspection): Damage[] {
  const lost = new Map<BlobKey, string>(catalog.lost);
  const add = (type: BlobType, id: BlobId, message: string): void => {
    const key = blobKey({ id, type });
    if (!lost.has(key)) lost.set(key, message);
  };
  for (const [id, message] of trees.unreadable) add('tree', id, message);
  for (const facts of trees.facts.values())
    for (const { id, message } of facts.lost) add('data', id, message);
  return [...lost].map(([key, message]) => {
    const { id, type } = blobOfKey(key);
    return { kind: type, name: id, message };
  });
}

function leftOverOf({ packs, packFiles }: Survey): CheckReport['leftOver'] {
  const files = [...packFiles.values()].filter(({ name }) => !packs.has(name));
  return { packs: files.length, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0) };
}

import type { StoredFile } from '../backend/backend.ts';
import type { BlobId, BlobType } from '../format/blob-id.ts';
import type { PackContents, PackedBlob } from '../repository.ts';
import { blobKey, type BlobKey } from './blob-key.ts';
import { packBytesOf } from './pack-size.ts';
import type { UsedBlobs } from './used-blobs.ts';

export type PackFacts = {
  /** As the index has them. */
  readonly packs: Iterable<PackContents>;
  /** As the store has them. */
  readonly files: readonly StoredFile[];
  readonly used: UsedBlobs;
  /** Of the bytes that stay, 0 to 1. */
  readonly maxUnusedShare: number;
  /** Packs that no index names and that the store took after this are somebody's work. Milliseconds since 1970, by the store's clock. */
  readonly youngSinceMs: number;
};

export type PackPlan = {
  /** Stay as they are. */
  readonly kept: readonly PackContents[];
  /** Hold too much that is unused; each with the blobs that move to new packs. */
  readonly rewritten: readonly PackContents[];
  /** Of the kept ones: what other packs have too that may go. To be verified before they do, for an index can lie. */
  readonly reliedOn: readonly PackContents[];
  /** Hold nothing that is used, or are no longer in the store, or are cut off and hold nothing that is not elsewhere. */
  readonly removed: readonly string[];
  /** No index names them. */
  readonly orphaned: readonly StoredFile[];
  /** No index names them, and they are too young to say that none will. */
  readonly young: readonly StoredFile[];
  readonly blobs: { readonly used: number; readonly unused: number; readonly duplicate: number };
  /** In the store: all packs, and what goes, and what stays for now although nothing uses it. */
  readonly bytes: {
    readonly total: number;
    readonly freed: number;
    readonly rewritten: number;
    readonly unusedLeft: number;
  };
  /** Used, and in no whole pack. Where there are any, nothing may be removed. */
  readonly missing: readonly { readonly id: BlobId; readonly type: BlobType }[];
};

type SortedBlobs = {
  readonly sorted: readonly Sorted[];
  readonly claimed: ReadonlySet<BlobKey>;
  /** In more than one pack. */
  readonly copied: ReadonlySet<BlobKey>;
};
type Sorted = {
  readonly contents: PackContents;
  readonly needed: readonly PackedBlob[];
  readonly waste: number;
};

/** What goes and what moves. Pure; removes no blob that `used` names unless another copy stays. */
export function planPacks(facts: PackFacts): PackPlan {
  const bytesByName = new Map(facts.files.map(({ name, bytes }) => [name, bytes]));
  const packs = [...facts.packs];
  const whole = packs.filter(({ pack, blobs }) => bytesByName.get(pack) === packBytesOf(blobs));
  const { sorted, claimed, copied } = sortBlobs(whole, facts);
  const { rewritten, kept } = chooseRewritten(sorted, facts.maxUnusedShare);
  const stays = new Set([...kept, ...rewritten].map(({ contents }) => contents.pack));
  const named = new Set(packs.map(({ pack }) => pack));
  const unnamed = facts.files.filter(({ name }) => !named.has(name));
  const isYoung = ({ receivedMs }: StoredFile) => (receivedMs ?? Infinity) > facts.youngSinceMs;
  const [young, orphaned] = [unnamed.filter(isYoung), unnamed.filter((file) => !isYoung(file))];
  const removed = [...named].filter((pack) => !stays.has(pack));
  const gone = [...removed, ...orphaned.map(({ name }) => name)];
  const movedWaste = sum(rewritten.map(({ waste }) => waste));
  return {
    kept: kept.map(({ contents }) => contents),
    rewritten: rewritten.map(({ contents, needed }) => ({ pack: contents.pack, blobs: needed })),
    reliedOn: kept.flatMap(({ contents, needed }) => {
      const blobs = needed.filter((blob) => copied.has(blobKey(blob)));
      return blobs.length === 0 ? [] : [{ pack: contents.pack, blobs }];
    }),
    ...{ removed, orphaned, young },
    blobs: countBlobs(packs, facts.used, claimed.size),
    bytes: {
      total: sum(facts.files.map(({ bytes }) => bytes)),
      freed: sum(gone.map((name) => bytesByName.get(name) ?? 0)) + movedWaste,
      rewritten: sum(rewritten.map(({ needed }) => packBytesOf(needed))),
      unusedLeft: sum(kept.map(({ waste }) => waste)),
    },
    missing: missingOf(facts.used, claimed),
  };
}

/**
 * Each used blob is needed from one pack: the one that the store took first. Who can only add cannot put a pack, which its index says
 * has the same blobs, in place of an older one. Of the same age the one that is used most, so that copies gather.
 */
function sortBlobs(packs: readonly PackContents[], { used, files }: PackFacts): SortedBlobs {
  const claimed = new Set<BlobKey>();
  const copied = new Set<BlobKey>();
  const receivedMs = new Map(files.map((file) => [file.name, file.receivedMs ?? 0]));
  const usedShare = new Map(packs.map((each) => [each, shareOf(each, used)]));
  const ageOrder = ({ pack }: PackContents) => receivedMs.get(pack) ?? 0;
  const ordered = packs.toSorted(
    (a, b) => ageOrder(a) - ageOrder(b) || (usedShare.get(b) ?? 0) - (usedShare.get(a) ?? 0),
  );
  const sorted = ordered.map((contents) => {
    const needed = contents.blobs.filter((blob) => {
      if (!used[blob.type].has(blob.id)) return false;
      const key = blobKey(blob);
      const isFirst = !claimed.has(key);
      (isFirst ? claimed : copied).add(key);
      return isFirst;
    });
    return { contents, needed, waste: packBytesOf(contents.blobs) - packBytesOf(needed) };
  });
  return { sorted: sorted.filter(({ needed }) => needed.length > 0), claimed, copied };
}

/** Rewrites the most wasteful first, until what is unused is no more than the share. */
function chooseRewritten(
  sorted: readonly Sorted[],
  maxUnusedShare: number,
): { rewritten: Sorted[]; kept: Sorted[] } {
  const usedBytes = sum(sorted.map(({ needed }) => packBytesOf(needed)));
  const limit = maxUnusedShare >= 1 ? Infinity : (usedBytes * maxUnusedShare) / (1 - maxUnusedShare);
  let left = sum(sorted.map(({ waste }) => waste));
  const byWaste = sorted.toSorted((a, b) => wasteShare(b) - wasteShare(a));
  const end = byWaste.findIndex(({ waste }) => {
    if (left <= limit || waste === 0) return true;
    left -= waste;
    return false;
  });
  return end < 0
    ? { rewritten: byWaste, kept: [] }
    : { rewritten: byWaste.slice(0, end), kept: byWaste.slice(end) };
}

function countBlobs(packs: readonly PackContents[], used: UsedBlobs, distinct: number): PackPlan['blobs'] {
  const all = packs.flatMap(({ blobs }) => blobs);
  const copies = all.filter(({ id, type }) => used[type].has(id)).length;
  return { used: distinct, unused: all.length - copies, duplicate: copies - distinct };
}

function missingOf(used: UsedBlobs, claimed: ReadonlySet<BlobKey>): PackPlan['missing'] {
  return (['tree', 'data'] as const).flatMap((type) =>
    [...used[type]].filter((id) => !claimed.has(blobKey({ id, type }))).map((id) => ({ id, type })),
  );
}

function shareOf({ blobs }: PackContents, used: UsedBlobs): number {
  const bytes = sum(blobs.map(({ length }) => length));
  return sum(blobs.map(({ id, type, length }) => (used[type].has(id) ? length : 0))) / Math.max(bytes, 1);
}

const wasteShare = ({ contents, waste }: Sorted): number => waste / packBytesOf(contents.blobs);
const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);

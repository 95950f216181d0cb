import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { atomicWrite } from '../../../lib/atomic-write.ts';
import { errorCode } from '../../../lib/error-code.ts';
import { SyncError } from '../../errors.ts';
import { asDiskError } from '../../oci/disk-errors.ts';
import type { Snapshot } from '../format/snapshot-document.ts';
import { claimedMoment, receivedMoment, type Moment } from './snapshot-moment.ts';

const hex = z.string().regex(/^[0-9a-f]{64}$/);

/** Of so many hosts and paths the newest are remembered. */
const maxGroups = 1_000;
/** By the store's clock and by the snapshots' own. */
const maxNewest = 2 * maxGroups;

const floorSchema = z.strictObject({
  repository: hex,
  newest: z.array(z.strictObject({ id: hex, time: z.string().max(64) })).max(maxNewest),
});
type FloorState = z.infer<typeof floorSchema>;

/** What a store just listed. */
export type Listing = {
  readonly snapshots: readonly Snapshot[];
  /** Names of index files. */
  readonly indexFiles: readonly string[];
  /** Ids of snapshot files that are there and do not verify. */
  readonly damaged?: readonly string[];
};

/**
 * Remembers, in a file of this machine, the newest snapshots of each host and paths that a repository was seen to have. A store that later
 * lists less shows an older state, be it by malice or because an old disk came back: then neither a parent nor a restore may be chosen
 * from it. `chooseKept` never removes the newest of a group, wherever it runs, so it raises no false alarm.
 */
export class SnapshotFloor {
  readonly #file: string;
  #state: FloorState;

  private constructor(file: string, state: FloorState) {
    this.#file = file;
    this.#state = state;
  }

  /** A missing file remembers nothing, as one of another repository. Rejects with `badState` when it is there and broken. */
  static async open(file: string, repositoryId: string): Promise<SnapshotFloor> {
    const nothing: FloorState = { repository: repositoryId, newest: [] };
    const known = await readState(file);
    return new SnapshotFloor(file, known?.repository === repositoryId ? known : nothing);
  }

  /** Throws `stale` when something that was seen before is not listed; remembers nothing. */
  compare({ snapshots, indexFiles, damaged = [] }: Listing): void {
    const listed = new Set([
      ...damaged,
      ...snapshots.flatMap(({ id, document: { original } }) => [id, original ?? id]),
    ]);
    const missing = this.#state.newest.find(({ id }) => !listed.has(id));
    if (missing) throw staleError(`does not list snapshot ${missing.id}, taken ${missing.time}`);
    if (snapshots.length > 0 && indexFiles.length === 0) throw staleError('lists snapshots and no index');
  }

  /** Rejects as `compare` throws; else remembers what is newest now, durably, or rejects with `diskFull`. */
  async observe(listing: Listing): Promise<void> {
    this.compare(listing);
    const { snapshots, damaged = [] } = listing;
    const there = new Set(damaged);
    const kept = this.#state.newest.filter(({ id }) => there.has(id));
    await this.#replace([...newestOf(snapshots), ...kept].slice(0, maxNewest));
  }

  /** These are gone because we removed them. To be called before the removal, so that a crash in between raises no alarm. */
  async forget(ids: Iterable<string>): Promise<void> {
    const gone = new Set(ids);
    await this.#replace(this.#state.newest.filter(({ id }) => !gone.has(id)));
  }

  /** Takes whatever is listed next for the truth: for someone who knows why something is gone. */
  async reset(): Promise<void> {
    await this.#replace([]);
  }

  async #replace(newest: FloorState['newest']): Promise<void> {
    const state = { repository: this.#state.repository, newest };
    const text = JSON.stringify(state);
    if (text === JSON.stringify(this.#state)) return;
    try {
      await atomicWrite(this.#file, text);
    } catch (error) {
      throw asDiskError(error, this.#file);
    }
    this.#state = state;
  }
}

/**
 * The newest of each group by the store's clock, and by the snapshots' own, for a store that lies may say that what is new is old. A time
 * to come is a false claim. In an order that does not depend on that of the listing.
 */
function newestOf(snapshots: readonly Snapshot[]): FloorState['newest'] {
  const nowMs = Date.now();
  const past = snapshots.filter((snapshot) => claimedMoment(snapshot).ms <= nowMs);
  const newest = new Map([...newestBy(snapshots, receivedMoment), ...newestBy(past, claimedMoment)]);
  return [...newest].map(([id, time]) => ({ id, time }));
}

function newestBy(
  snapshots: readonly Snapshot[],
  momentOf: (snapshot: Snapshot) => Moment,
): [id: string, time: string][] {
  const ordered = snapshots.toSorted((a, b) => momentOf(b).ms - momentOf(a).ms || (a.id < b.id ? -1 : 1));
  const newest = new Map<string, [string, string]>();
  for (const { id, document } of ordered) {
    const group = JSON.stringify([document.hostname, document.paths.toSorted()]);
    if (!newest.has(group) && newest.size < maxGroups) newest.set(group, [id, document.time]);
  }
  return [...newest.values()];
}

async function readState(file: string): Promise<FloorState | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  const parsed = floorSchema.safeParse(jsonOf(text));
  if (parsed.success) return parsed.data;
  throw new SyncError('badState', `${file}, which remembers the newest snapshots, is broken`, {
    hint: 'Compare `holdfast snapshot list` with what you expect, then remove the file: it is made anew.',
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function staleError(what: string): SyncError {
  return new SyncError('stale', `The vault's store shows an older state than was seen before: it ${what}`, {
    hint: 'If it was removed on purpose, accept the present state (holdfast vault accept). Else look at the store before anything is added to it.',
  });
}

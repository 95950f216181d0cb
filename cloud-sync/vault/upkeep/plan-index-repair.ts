import { errorCode } from '../../../lib/error-code.ts';
import type { CallOptions } from '../backend/backend.ts';
import { decodeBlob } from '../format/blob-codec.ts';
import { readPackHeader } from '../format/pack-header.ts';
import { Sealer } from '../format/sealer.ts';
import { storedName } from '../format/stored-name.ts';
import type { PackContents, PackedBlob, Repository } from '../repository.ts';
import { blobKey, type BlobKey } from './blob-key.ts';
import { inspectRepository, type InspectOptions } from './inspect.ts';
import { maxPackBytes } from './verify-pack.ts';

export type IndexRepairPlan = {
  /** Index files that are there, of which `damagedIndexFiles` do not verify. All are replaced, when anything is. */
  readonly indexFiles: readonly string[];
  readonly damagedIndexFiles: readonly string[];
  /** Packs that the index has right. */
  readonly kept: readonly PackContents[];
  /** Whole packs that the index lacks or has wrong: what their headers say. */
  readonly reindexed: readonly PackContents[];
  /** Damaged packs, each with its whole blobs: they move to new packs. */
  readonly salvaged: readonly PackContents[];
  /** Packs that leave the index: missing, or with nothing whole in them. */
  readonly dropped: readonly string[];
};

/** Whether there is anything to do. */
export function needsIndexRepair(plan: IndexRepairPlan): boolean {
  const { damagedIndexFiles, reindexed, salvaged, dropped } = plan;
  return damagedIndexFiles.length + reindexed.length + salvaged.length + dropped.length > 0;
}

/** What `repairIndex` would do now; changes nothing. With `readData` it finds packs whose size is right and whose bytes are not. */
export async function planIndexRepair(
  repository: Repository,
  options: InspectOptions,
): Promise<IndexRepairPlan> {
  const { survey, packs } = await inspectRepository(repository, options);
  const damaged = new Set(packs.damages.map(({ pack }) => pack));
  const kept = [...survey.packs].flatMap(([pack, blobs]) => (damaged.has(pack) ? [] : [{ pack, blobs }]));
  const triage = new PackTriage(repository, kept, options);
  const unnamed = [...survey.packFiles.keys()].filter((name) => !survey.packs.has(name));
  const present = [...damaged].filter((pack) => survey.packFiles.has(pack));
  for (const pack of [...unnamed, ...present]) await triage.look(pack, survey.packs.get(pack) ?? []);
  const used = new Set([...triage.reindexed, ...triage.salvaged].map(({ pack }) => pack));
  return {
    indexFiles: survey.indexFiles,
    damagedIndexFiles: survey.damages.filter(({ kind }) => kind === 'index').map(({ name }) => name),
    ...{ kept, reindexed: triage.reindexed, salvaged: triage.salvaged },
    dropped: [...damaged].filter((pack) => !used.has(pack)),
  };
}

/** Looks into packs that are damaged or that no index names, and finds what can still be used of them. */
class PackTriage {
  readonly reindexed: PackContents[] = [];
  readonly salvaged: PackContents[] = [];
  readonly #repository: Repository;
  readonly #signal: AbortSignal;
  readonly #sealer: Sealer;
  /** What the new index will have so far: a second copy of it is not worth saving. */
  readonly #safe = new Set<BlobKey>();

  constructor(repository: Repository, kept: readonly PackContents[], { signal }: CallOptions) {
    this.#repository = repository;
    this.#signal = signal;
    this.#sealer = new Sealer(repository.key);
    for (const { blobs } of kept) this.#trust(blobs);
  }

  async look(pack: string, indexed: readonly PackedBlob[]): Promise<void> {
    const request = { signal: this.#signal, maxBytes: maxPackBytes };
    const bytes = await this.#repository.backend.read('data', pack, request);
    const header = this.#headerOf(bytes);
    if (header && storedName(bytes) === pack) {
      this.reindexed.push({ pack, blobs: header });
      this.#trust(header);
      return;
    }
    const found = new Map([...indexed, ...(header ?? [])].map((blob) => [blobKey(blob), blob]));
    const whole = [...found.values()].filter((blob) => this.#isWorthSaving(blob, bytes));
    if (whole.length > 0) this.salvaged.push({ pack, blobs: whole });
    this.#trust(whole);
  }

  #trust(blobs: readonly PackedBlob[]): void {
    for (const blob of blobs) this.#safe.add(blobKey(blob));
  }

  #headerOf(bytes: Buffer): PackedBlob[] | null {
    return unlessCorrupt(() => readPackHeader(this.#sealer, bytes, bytes.byteLength));
  }

  #isWorthSaving(blob: PackedBlob, bytes: Buffer): boolean {
    if (this.#safe.has(blobKey(blob))) return false;
    const sealed = bytes.subarray(blob.offset, blob.offset + blob.length);
    return unlessCorrupt(() => decodeBlob(this.#sealer, sealed, blob)) !== null;
  }
}

function unlessCorrupt<Result>(read: () => Result): Result | null {
  try {
    return read();
  } catch (error) {
    if (errorCode(error) === 'corrupt') return null;
    throw error;
  }
}

import { errorCode, errorMessage } from '../../../lib/error-code.ts';
import type { CallOptions } from '../backend/backend.ts';
import { Sealer } from '../format/sealer.ts';
import { inParallel } from '../in-parallel.ts';
import type { PackedBlob, Repository } from '../repository.ts';
import { blobKey, type BlobKey } from './blob-key.ts';
import { packBytesOf } from './pack-size.ts';
import type { Survey } from './survey.ts';
import { maxPackBytes, verifyPack, type PackVerdict } from './verify-pack.ts';

/** One of so many parts of the packs, from 1: over `of` runs everything is read once. */
export type PackSubset = { readonly part: number; readonly of: number };

export type PackDamage = {
  readonly pack: string;
  /** Not in the store at all. */
  readonly missing: boolean;
  readonly problems: readonly string[];
  /** Of the blobs that the index has in it, those that cannot be had from it. */
  readonly damaged: ReadonlyMap<BlobKey, string>;
};

export type PackInspection = {
  readonly damages: readonly PackDamage[];
  readonly read: { readonly packs: number; readonly bytes: number };
};

export type PackProgress = {
  readonly packs: number;
  readonly packsTotal: number;
  readonly bytes: number;
  readonly bytesTotal: number;
};

export type PackInspectionOptions = CallOptions & {
  /** Read all packs, or a part of them; default only those whose size is not what the index makes it. */
  readonly readData?: boolean | PackSubset;
  readonly onProgress?: (progress: PackProgress) => void;
};

/** At once in memory. */
const packsAtOnce = 2;

/** Which of the packs that the index names are missing or damaged. One whose size is wrong is read in any case: some of its blobs may be whole. */
export async function inspectPacks(
  repository: Repository,
  survey: Survey,
  { readData = false, onProgress, signal }: PackInspectionOptions,
): Promise<PackInspection> {
  const missing = [...survey.packs].filter(([pack]) => !survey.packFiles.has(pack));
  const read = [...survey.packs].filter(([pack, blobs]) => {
    const file = survey.packFiles.get(pack);
    return file !== undefined && (file.bytes !== packBytesOf(blobs) || isChosen(pack, readData));
  });
  const meter = new PackMeter(
    read.length,
    read.reduce((sum, [pack]) => sum + sizeOf(survey, pack), 0),
    onProgress,
  );
  const sealer = new Sealer(repository.key);
  const found = await inParallel(read, packsAtOnce, async ([pack, indexed]) => {
    const verdict = await verdictOf(repository, { pack, indexed, sealer, signal });
    meter.add(sizeOf(survey, pack));
    return verdict === null ? missingPack(pack, indexed) : { pack, missing: false, ...verdict };
  });
  const damages = [...missing.map(([pack, blobs]) => missingPack(pack, blobs)), ...found];
  return {
    damages: damages.filter(({ problems }) => problems.length > 0),
    read: { packs: meter.packs, bytes: meter.bytes },
  };
}

/** Packs are spread evenly by the first byte of their names; restic takes the same part for the same numbers. */
function isChosen(pack: string, readData: boolean | PackSubset): boolean {
  if (typeof readData === 'boolean') return readData;
  return Number.parseInt(pack.slice(0, 2), 16) % readData.of === readData.part - 1;
}

type Asked = CallOptions & {
  readonly pack: string;
  readonly indexed: readonly PackedBlob[];
  readonly sealer: Sealer;
};

/** Null where it is gone. */
async function verdictOf(
  { backend }: Repository,
  { pack, indexed, sealer, signal }: Asked,
): Promise<PackVerdict | null> {
  try {
    const bytes = await backend.read('data', pack, { signal, maxBytes: maxPackBytes });
    return verifyPack(sealer, { name: pack, bytes, indexed });
  } catch (error) {
    if (errorCode(error) === 'notFound') return null;
    if (errorCode(error) !== 'corrupt' && errorCode(error) !== 'tooLarge') throw error;
    const message = errorMessage(error);
    return { problems: [message], damaged: new Map(indexed.map((blob) => [blobKey(blob), message])) };
  }
}

function missingPack(pack: string, blobs: readonly PackedBlob[]): PackDamage {
  const message = `pack ${pack} is missing`;
  const damaged = new Map(blobs.map((blob) => [blobKey(blob), message]));
  return { pack, missing: true, problems: ['it is missing'], damaged };
}

function sizeOf(survey: Survey, pack: string): number {
  return survey.packFiles.get(pack)?.bytes ?? 0;
}

class PackMeter {
  packs = 0;
  bytes = 0;
  readonly #packsTotal: number;
  readonly #bytesTotal: number;
  readonly #onProgress: PackInspectionOptions['onProgress'];

  constructor(packsTotal: number, bytesTotal: number, onProgress: PackInspectionOptions['onProgress']) {
    this.#packsTotal = packsTotal;
    this.#bytesTotal = bytesTotal;
    this.#onProgress = onProgress;
  }

  add(bytes: number): void {
    this.packs += 1;
    this.bytes += bytes;
    const { packs, bytes: read } = this;
    this.#onProgress?.({ packs, packsTotal: this.#packsTotal, bytes: read, bytesTotal: this.#bytesTotal });
  }
}

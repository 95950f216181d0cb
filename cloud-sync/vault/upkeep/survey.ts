import { errorCode, errorMessage } from '../../../lib/error-code.ts';
import type { CallOptions, StoredFile } from '../backend/backend.ts';
import { decodeConfig, maxConfigBytes } from '../format/config-file.ts';
import { decodeIndex, maxIndexBytes } from '../format/index-file.ts';
import { maxKeyFileBytes } from '../format/key-file.ts';
import { Sealer } from '../format/sealer.ts';
import type { Snapshot } from '../format/snapshot-document.ts';
import { inParallel } from '../in-parallel.ts';
import { readStored } from '../read-stored.ts';
import type { PackContents, PackedBlob, Repository } from '../repository.ts';
import { callsAtOnce } from './calls-at-once.ts';

/** A file of the repository that is not what it was written as. */
export type FileDamage = {
  readonly kind: 'config' | 'key' | 'index' | 'snapshot';
  /** '' for the config. */
  readonly name: string;
  readonly message: string;
};

/** What lies in a repository, as far as it can be read: unlike `Repository.index`, one damaged file does not hide the others. */
export type Survey = {
  readonly snapshots: readonly Snapshot[];
  /** What the readable index files say, each pack once. */
  readonly packs: ReadonlyMap<string, readonly PackedBlob[]>;
  readonly indexFiles: readonly string[];
  readonly packFiles: ReadonlyMap<string, StoredFile>;
  readonly damages: readonly FileDamage[];
};

/** Reads all files but locks and packs, of which it lists the latter. Snapshots before the index, the index before the packs: what comes in meanwhile is whole. */
export async function surveyRepository(repository: Repository, { signal }: CallOptions): Promise<Survey> {
  const damages: FileDamage[] = [];
  await surveyConfig(repository, { damages, signal });
  const onDamaged = (name: string, error: Error): void => {
    damages.push({ kind: 'snapshot', name, message: error.message });
  };
  const snapshots = await repository.snapshots({ signal, onDamaged });
  await surveyKeys(repository, { damages, signal });
  const index = await surveyIndex(repository, { damages, signal });
  const files = await repository.backend.list('data', { signal });
  return { snapshots, ...index, packFiles: new Map(files.map((file) => [file.name, file])), damages };
}

type Pass = CallOptions & { readonly damages: FileDamage[] };

async function surveyConfig({ backend, key }: Repository, { damages, signal }: Pass): Promise<void> {
  await collect(damages, { kind: 'config', name: '' }, async () => {
    const bytes = await backend.read('config', '', { signal, maxBytes: maxConfigBytes });
    return decodeConfig(new Sealer(key), bytes);
  });
}

async function surveyKeys({ backend }: Repository, { damages, signal }: Pass): Promise<void> {
  const files = await backend.list('keys', { signal });
  await inParallel(files, callsAtOnce, ({ name }) =>
    collect(damages, { kind: 'key', name }, () =>
      readStored(backend, { type: 'keys', name, maxBytes: maxKeyFileBytes, signal }),
    ),
  );
}

async function surveyIndex(
  { backend, key }: Repository,
  { damages, signal }: Pass,
): Promise<Pick<Survey, 'packs' | 'indexFiles'>> {
  const sealer = new Sealer(key);
  const files = await backend.list('index', { signal });
  const packs = new Map<string, readonly PackedBlob[]>();
  await inParallel(files, callsAtOnce / 2, async ({ name }) => {
    const document = await collect(damages, { kind: 'index', name }, async () => {
      const request = { type: 'index', name, maxBytes: maxIndexBytes, signal } as const;
      return decodeIndex(sealer, await readStored(backend, request));
    });
    for (const { pack, blobs } of document?.packs ?? []) packs.set(pack, merge(packs.get(pack), blobs));
  });
  return { packs, indexFiles: files.map(({ name }) => name) };
}

/** Several index files may name one pack; they say the same of it unless one of them is wrong. */
function merge(
  known: readonly PackedBlob[] | undefined,
  blobs: PackContents['blobs'],
): readonly PackedBlob[] {
  if (!known) return blobs;
  const seen = new Set(known.map((blob) => JSON.stringify(blob)));
  return [...known, ...blobs.filter((blob) => !seen.has(JSON.stringify(blob)))];
}

/** What `read` gives; undefined where the file is gone meanwhile, or damaged, which is written down. */
async function collect<Result>(
  damages: FileDamage[],
  file: Omit<FileDamage, 'message'>,
  read: () => Promise<Result>,
): Promise<Result | undefined> {
  try {
    return await read();
  } catch (error) {
    const code = errorCode(error);
    const gone = code === 'notFound' && file.kind !== 'config';
    if (gone) return undefined;
    if (code !== 'corrupt' && code !== 'tooLarge' && code !== 'notFound') throw error;
    damages.push({ ...file, message: errorMessage(error) });
    return undefined;
  }
}

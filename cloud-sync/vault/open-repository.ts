import { SyncError, type SyncErrorCode } from '../errors.ts';
import type { CallOptions, VaultBackend } from './backend/backend.ts';
import {
  createConfig,
  decodeConfig,
  encodeConfig,
  maxConfigBytes,
  type RepositoryConfig,
} from './format/config-file.ts';
import { maxKeyFileBytes, parseKeyFile, unwrapKey } from './format/key-file.ts';
import { createMasterKey, type MasterKey } from './format/master-key.ts';
import { nsOfRfc3339 } from './format/rfc3339.ts';
import { Sealer } from './format/sealer.ts';
import type { NamedFile } from './format/stored-name.ts';
import { inParallel } from './in-parallel.ts';
import { rethrowNamed } from './read-stored.ts';
import type { Repository } from './repository.ts';
import { StoredRepository } from './stored-repository.ts';

/** restic itself tries 20. Each costs up to some seconds to derive. */
const maxKeyFiles = 100;
const filesAtOnce = 8;

type CreateOptions = CallOptions & {
  /** The key files of a new repository: at least one. */
  readonly keys: (key: MasterKey) => Promise<readonly NamedFile[]>;
};

/**
 * Makes an empty repository, which disposes of the backend: key files first, the config last, so that cut short it can be made again. Rejects
 * with `repositoryExists` where there is one or where snapshots lie without a config.
 */
export async function createRepository(
  backend: VaultBackend,
  { keys, signal }: CreateOptions,
): Promise<Repository> {
  await refuseExisting(backend, signal);
  const key = createMasterKey();
  const files = await keys(key);
  if (files.length === 0) throw new RangeError('A repository without a key could never be opened again');
  await backend.create({ signal });
  for (const { name, bytes } of files) await backend.write('keys', name, bytes, { signal });
  const config = createConfig();
  try {
    await backend.write('config', '', encodeConfig(new Sealer(key), config), { signal });
  } catch (error) {
    if (error instanceof SyncError && error.code === 'conflict') throw exists(backend, error);
    throw error;
  }
  return new StoredRepository({ backend, key, config });
}

/**
 * Opens a repository, which disposes of the backend, by the password of any of its key files, the newest tried first. Rejects with
 * `noRepository`, `wrongPassphrase`, `badKeyFile` when not one can be read, `corrupt` for the config, or `damaged` without one.
 */
export async function openRepository(
  backend: VaultBackend,
  { password, signal }: CallOptions & { readonly password: string },
): Promise<Repository> {
  let failure: SyncError | undefined;
  for (const bytes of await readKeyFiles(backend, signal)) {
    signal.throwIfAborted();
    try {
      const key = await unwrapKey(bytes, password);
      return await openRepositoryWithKey(backend, { key, signal });
    } catch (error) {
      // A key file whose key opens no config is what a creation that was cut short left behind.
      failure = moreTelling(failure, error);
    }
  }
  throw failure ?? noRepository(backend);
}

/** Opens a repository whose key is known, for threads and processes that were handed it. Rejects with `noRepository`, `corrupt` or `damaged`. */
export async function openRepositoryWithKey(
  backend: VaultBackend,
  { key, signal }: CallOptions & { readonly key: MasterKey },
): Promise<Repository> {
  const config = await readConfig(backend, key, signal);
  return new StoredRepository({ backend, key, config });
}

async function readConfig(
  backend: VaultBackend,
  key: MasterKey,
  signal: AbortSignal,
): Promise<RepositoryConfig> {
  const bytes = await readConfigBytes(backend, signal);
  if (bytes === undefined) throw await withoutConfig(backend, signal);
  try {
    return decodeConfig(new Sealer(key), bytes);
  } catch (error) {
    return rethrowNamed(error, `config of ${backend.location}`);
  }
}

async function readConfigBytes(backend: VaultBackend, signal: AbortSignal): Promise<Buffer | undefined> {
  try {
    return await backend.read('config', '', { signal, maxBytes: maxConfigBytes });
  } catch (error) {
    if (error instanceof SyncError && error.code === 'notFound') return undefined;
    throw error;
  }
}

/** Newest first, as they say of themselves; of many, those that the store took first. */
async function readKeyFiles(backend: VaultBackend, signal: AbortSignal): Promise<Buffer[]> {
  const listed = await backend.list('keys', { signal });
  const first = listed.sort((one, other) => (one.receivedMs ?? 0) - (other.receivedMs ?? 0));
  const files = await inParallel(first.slice(0, maxKeyFiles), filesAtOnce, ({ name }) =>
    readKeyFile(backend, name, signal),
  );
  const dated = files.flatMap((bytes) => (bytes ? [{ bytes, created: createdNs(bytes) }] : []));
  return dated.sort((one, other) => Number(other.created - one.created)).map(({ bytes }) => bytes);
}

const noKeyFile: readonly SyncErrorCode[] = ['notFound', 'corrupt', 'tooLarge'];

/** Undefined for one that was removed since it was listed, and for one that cannot be a key: the others may do. */
export async function readKeyFile(
  backend: VaultBackend,
  name: string,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  try {
    return await backend.read('keys', name, { signal, maxBytes: maxKeyFileBytes });
  } catch (error) {
    if (error instanceof SyncError && noKeyFile.includes(error.code)) return undefined;
    throw error;
  }
}

function createdNs(bytes: Buffer): bigint {
  try {
    return nsOfRfc3339(parseKeyFile(bytes).created);
  } catch {
    return 0n;
  }
}

/** From the one that says least to the one that says most; others end the trying. */
const ofOneKey: readonly SyncErrorCode[] = ['badKeyFile', 'wrongPassphrase', 'corrupt'];

function moreTelling(known: SyncError | undefined, error: unknown): SyncError {
  if (!(error instanceof SyncError) || !ofOneKey.includes(error.code)) throw error;
  if (known === undefined) return error;
  return ofOneKey.indexOf(error.code) > ofOneKey.indexOf(known.code) ? error : known;
}

async function refuseExisting(backend: VaultBackend, signal: AbortSignal): Promise<void> {
  if ((await readConfigBytes(backend, signal)) !== undefined) throw exists(backend);
  if ((await backend.list('snapshots', { signal })).length === 0) return;
  throw new SyncError('repositoryExists', `${backend.location} has snapshots but no config`, {
    hint: 'Bring the file "config" back; a new one would make them unreadable.',
  });
}

function exists(backend: VaultBackend, cause?: unknown): SyncError {
  return new SyncError('repositoryExists', `There is a repository in ${backend.location} already`, { cause });
}

/** A key without a config is what a creation that was cut short left; with snapshots it is a repository that lost it. */
async function withoutConfig(backend: VaultBackend, signal: AbortSignal): Promise<SyncError> {
  if ((await backend.list('snapshots', { signal })).length === 0) return noRepository(backend);
  return new SyncError('damaged', `The repository in ${backend.location} has lost its file "config"`, {
    hint: 'Bring that file back from a copy of the store; it never changes. Its snapshots are still there, and no new repository can be made over them.',
  });
}

function noRepository(backend: VaultBackend): SyncError {
  return new SyncError('noRepository', `There is no repository in ${backend.location}`, {
    hint: 'Check the location, or create a repository there.',
  });
}

import { open, readdir, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sweepTemporaries, syncFolder } from '../../../lib/atomic-write.ts';
import { errorCode } from '../../../lib/error-code.ts';
import { makeFolder } from '../../../lib/make-folder.ts';
import { SyncError } from '../../errors.ts';
import { inParallel } from '../in-parallel.ts';
import type { ByteRange, CallOptions, FileType, StoredFile, VaultBackend } from './backend.ts';
import { asFolderError } from './folder-errors.ts';
import { isStoredName, storedPath } from './stored-path.ts';
import { writeOnce } from './write-once.ts';

const folders = ['data', 'index', 'keys', 'locks', 'snapshots'] as const;
const filesAtOnce = 32;
/** What a write that was cut short left is removed by a later writer, not while somebody slow may still be at it. */
const leftoverAgeMs = 24 * 60 * 60 * 1000;

/** Does nothing yet; a folder that is not there holds no repository. */
export function openFolderBackend(folder: string): VaultBackend {
  return new FolderBackend(folder);
}

/** A repository in a folder, laid out as restic's local backend has it. Aborted work ends after the system call it is in. */
class FolderBackend implements VaultBackend {
  readonly location: string;
  readonly #swept = new Set<string>();

  constructor(folder: string) {
    this.location = folder;
  }

  async create({ signal }: CallOptions): Promise<void> {
    for (const folder of folders) {
      signal.throwIfAborted();
      await this.#makeFolder(join(this.location, folder));
    }
  }

  async list(type: Exclude<FileType, 'config'>, { signal }: CallOptions): Promise<StoredFile[]> {
    const paths = type === 'data' ? await this.#dataFiles(signal) : await this.#filesIn(type);
    const files = await inParallel(paths, filesAtOnce, async (path) => {
      signal.throwIfAborted();
      return this.#storedFile(path);
    });
    return files.filter((file) => file !== undefined);
  }

  async read(
    type: FileType,
    name: string,
    {
      signal,
      range,
      maxBytes = Infinity,
    }: CallOptions & { readonly range?: ByteRange; readonly maxBytes?: number },
  ): Promise<Buffer> {
    signal.throwIfAborted();
    const path = join(this.location, storedPath(type, name));
    try {
      await using file = await open(path, 'r');
      return await readRange(file, path, range ?? { offset: 0, length: await sizeOf(file, path, maxBytes) });
    } catch (error) {
      throw asFolderError(error, path);
    }
  }

  async write(type: FileType, name: string, bytes: Uint8Array, { signal }: CallOptions): Promise<void> {
    signal.throwIfAborted();
    const path = join(this.location, storedPath(type, name));
    try {
      await this.#prepare(dirname(path));
      await writeOnce(path, bytes, signal);
    } catch (error) {
      signal.throwIfAborted();
      throw asFolderError(error, path);
    }
  }

  async remove(type: Exclude<FileType, 'config'>, name: string, { signal }: CallOptions): Promise<void> {
    signal.throwIfAborted();
    const path = join(this.location, storedPath(type, name));
    try {
      await rm(path);
      await syncFolder(dirname(path));
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw asFolderError(error, path);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Nothing is kept open between calls.
  }

  /** Before the first write into a folder. */
  async #prepare(folder: string): Promise<void> {
    if (this.#swept.has(folder)) return;
    await this.#makeFolder(folder);
    await sweepTemporaries(folder, { before: Date.now() - leftoverAgeMs });
    this.#swept.add(folder);
  }

  async #makeFolder(folder: string): Promise<void> {
    try {
      await makeFolder(folder, { mode: 0o700 });
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw asFolderError(error, folder);
      throw new SyncError('conflict', `Cannot make the folder ${folder}: something else is in its place`, {
        cause: error,
        hint: 'Name another folder, or move away what is no folder on the way to it.',
      });
    }
  }

  async #dataFiles(signal: AbortSignal): Promise<string[]> {
    const paths: string[] = [];
    for (const prefix of await this.#namesIn('data')) {
      signal.throwIfAborted();
      if (!/^[0-9a-f]{2}$/.test(prefix)) continue;
      const files = await this.#filesIn(`data/${prefix}`);
      paths.push(...files.filter((path) => path.startsWith(`data/${prefix}/${prefix}`)));
    }
    return paths;
  }

  /** Paths below the root; what has other names is not ours. */
  async #filesIn(folder: string): Promise<string[]> {
    const names = await this.#namesIn(folder);
    return names.filter(isStoredName).map((name) => `${folder}/${name}`);
  }

  async #namesIn(folder: string): Promise<string[]> {
    const path = join(this.location, folder);
    try {
      return await readdir(path);
    } catch (error) {
      if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return [];
      throw asFolderError(error, path);
    }
  }

  /** Undefined for one that was removed since, and for what is no file. */
  async #storedFile(relative: string): Promise<StoredFile | undefined> {
    const path = join(this.location, relative);
    try {
      const found = await stat(path);
      if (!found.isFile()) return undefined;
      return { name: relative.slice(-64), bytes: found.size, receivedMs: Math.floor(found.mtimeMs) };
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined;
      throw asFolderError(error, path);
    }
  }
}

async function sizeOf(file: FileHandle, path: string, maxBytes: number): Promise<number> {
  const { size } = await file.stat();
  if (size <= maxBytes) return size;
  throw new SyncError('tooLarge', `${path} has ${size} bytes: at most ${maxBytes} are read`);
}

async function readRange(file: FileHandle, path: string, { offset, length }: ByteRange): Promise<Buffer> {
  const { size } = await file.stat();
  if (offset + length > size) {
    throw new SyncError('corrupt', `${path} ends at ${size} bytes, ${offset + length} were expected`);
  }
  const bytes = Buffer.allocUnsafeSlow(length);
  for (let done = 0; done < length;) {
    const { bytesRead } = await file.read(bytes, done, length - done, offset + done);
    if (bytesRead === 0) throw new SyncError('corrupt', `${path} became shorter while it was read`);
    done += bytesRead;
  }
  return bytes;
}

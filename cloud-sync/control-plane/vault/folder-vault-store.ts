import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncFolder } from '../../../lib/atomic-write.ts';
import type { Digest } from '../../../lib/digest.ts';
import { errorCode } from '../../../lib/error-code.ts';
import { namesIn } from '../../../lib/names-in.ts';
import { SyncError } from '../../errors.ts';
import { FileBlobWriter } from '../../oci/blob-writer.ts';
import { makeFolder } from '../../oci/make-folder.ts';
import { isBlobId } from '../../vault/format/blob-id.ts';
import { describePlace, folderTypes, type VaultPlace } from './vault-place.ts';
import type { VaultStore, VaultWriter } from './vault-store.ts';

/**
 * Repositories in one folder, `{device}/data/{xx}/{name}` and so on: laid out as restic's own, so that on the cloud's machine
 * `restic -r` reads each. `{device}/.partial` holds what is being received.
 */
export function openFolderVaultStore(root: string): VaultStore {
  const folderOf = (device: string) => join(root, device);
  const partialsOf = (device: string) => join(root, device, '.partial');
  const pathOf = ({ device, type, name }: VaultPlace) => {
    if (type === 'config') return join(folderOf(device), 'config');
    const shard = type === 'data' ? [name.slice(0, 2)] : [];
    return join(folderOf(device), type, ...shard, name);
  };

  const statOf = (place: VaultPlace) => statFile(pathOf(place));
  const keep = (place: VaultPlace) => syncFolder(dirname(pathOf(place)));
  return {
    async open(device) {
      await rm(partialsOf(device), { recursive: true, force: true });
    },
    stat: statOf,
    read: (place, range) => createReadStream(pathOf(place), range ?? {}),
    async createWriter(place, { maxBytes }) {
      const path = pathOf(place);
      await makeFolder(dirname(path));
      await makeFolder(partialsOf(place.device));
      const writer = await FileBlobWriter.open({
        path: join(partialsOf(place.device), `${randomBytes(12).toString('hex')}.tmp`),
        target: () => path,
        maxBytes,
        resumable: false,
        onClose: () => undefined,
      });
      return writerOf(place, writer, async () => {
        if ((await statOf(place)) === undefined) return false;
        await keep(place);
        return true;
      });
    },
    keep,
    async remove(place) {
      const path = pathOf(place);
      try {
        await rm(path);
        await syncFolder(dirname(path));
      } catch (error) {
        if (errorCode(error) !== 'ENOENT') throw error;
      }
    },
    list: (device) => listFiles(folderOf(device), device),
  };
}

function writerOf(place: VaultPlace, writer: FileBlobWriter, isThere: () => Promise<boolean>): VaultWriter {
  // Only of the config: the other files are named by it.
  const hash = createHash('sha256');
  return {
    get bytesWritten() {
      return writer.bytesWritten;
    },
    async write(chunk) {
      await writer.write(chunk);
      if (place.type === 'config') hash.update(chunk);
    },
    async commit() {
      if (await isThere()) throw new SyncError('conflict', `There is a file ${describePlace(place)} already`);
      const hex = place.type === 'config' ? hash.digest('hex') : place.name;
      await writer.commit(`sha256:${hex}` as Digest);
    },
    [Symbol.asyncDispose]: () => writer[Symbol.asyncDispose](),
  };
}

async function statFile(path: string) {
  try {
    const { size, mtimeMs } = await stat(path);
    return { bytes: size, storedMs: Math.round(mtimeMs) };
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function* listFiles(folder: string, device: string): AsyncGenerator<VaultPlace> {
  if (await statFile(join(folder, 'config'))) yield { device, type: 'config', name: '' };
  for (const type of folderTypes) {
    const names = type === 'data' ? namesInShards(join(folder, type)) : blobsIn(join(folder, type));
    for await (const name of await names) yield { device, type, name };
  }
}

async function* namesInShards(folder: string): AsyncGenerator<string> {
  for (const shard of (await namesIn(folder)).filter((name) => /^[0-9a-f]{2}$/.test(name))) {
    yield* (await blobsIn(join(folder, shard))).filter((name) => name.startsWith(shard));
  }
}

async function blobsIn(folder: string): Promise<string[]> {
  return (await namesIn(folder)).filter((name) => isBlobId(name));
}

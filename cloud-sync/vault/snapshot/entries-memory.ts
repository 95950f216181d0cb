import type { BlobId } from '../format/blob-id.ts';
import type { MasterKey } from '../format/master-key.ts';
import { factNames, type PackedFacts } from './file-facts.ts';
import type { ListedEntries } from './folder-entries.ts';
import { macBytes, readWithMac, writeWithMac } from '../memory-mac.ts';

/** What `lstat` said of the entries of folders, by their numbers in the memory of the same tree. */
export type EntriesMemory = { of(folder: number): ListedEntries | undefined };

const purpose = 'holdfast snapshot entries 1';
const idBytes = 32;
/** MAC, tree, number of folders; the rest to be where words of eight bytes may be. */
const headBytes = macBytes + idBytes + 8;
/** Number of entries + 1, 0 for a folder that is left out; bytes of their names. */
const wordsPerFolder = 2;
const factBytes = 8 * factNames.length;

/** Of a snapshot with this tree; `folders` in the order of its memory, undefined for such as are left out. */
export async function writeEntries(
  path: string,
  key: MasterKey,
  { tree, folders }: { readonly tree: BlobId; readonly folders: readonly (ListedEntries | undefined)[] },
): Promise<void> {
  const bytes = encodeEntries(tree, folders);
  await writeWithMac(path, key, purpose, bytes);
}

/** What `writeEntries` wrote with this key for this tree; undefined for anything else: it saves time, nothing depends on it. */
export async function readEntries(
  path: string,
  key: MasterKey,
  tree: BlobId,
): Promise<EntriesMemory | undefined> {
  const bytes = await readWithMac(path, key, purpose);
  if (bytes === undefined || bytes.byteLength < headBytes) return undefined;
  if (bytes.toString('hex', macBytes, macBytes + idBytes) !== tree) return undefined;
  return decodeEntries(bytes);
}

function encodeEntries(tree: BlobId, folders: readonly (ListedEntries | undefined)[]): Buffer {
  const table = new Uint32Array(folders.length * wordsPerFolder);
  let [factsBytes, namesBytes] = [0, 0];
  for (const [number, folder] of folders.entries()) {
    if (folder === undefined) continue;
    const bytes = Buffer.byteLength(folder.joinedNames);
    table[number * wordsPerFolder] = folder.facts.length / factNames.length + 1;
    table[number * wordsPerFolder + 1] = bytes;
    factsBytes += folder.facts.byteLength;
    namesBytes += bytes;
  }
  const all = Buffer.allocUnsafeSlow(headBytes + table.byteLength + factsBytes + namesBytes);
  all.write(tree, macBytes, 'hex');
  all.writeDoubleLE(folders.length, macBytes + idBytes);
  all.set(bytesOf(table), headBytes);
  let factsAt = headBytes + table.byteLength;
  let namesAt = factsAt + factsBytes;
  for (const folder of folders) {
    if (folder === undefined) continue;
    all.set(bytesOf(folder.facts), factsAt);
    factsAt += folder.facts.byteLength;
    namesAt += all.write(folder.joinedNames, namesAt);
  }
  return all;
}

/** By its MAC it is what `encodeEntries` made. */
function decodeEntries(read: Buffer<ArrayBuffer>): EntriesMemory {
  // Words are read where they lie.
  const bytes = read.byteOffset % 8 === 0 ? read : Buffer.from(new Uint8Array(read).buffer);
  const count = bytes.readDoubleLE(macBytes + idBytes);
  const table = new Uint32Array(bytes.buffer, bytes.byteOffset + headBytes, count * wordsPerFolder);
  const places = new Float64Array(count * 2);
  let factsAt = headBytes + table.byteLength;
  for (let folder = 0; folder < count; folder += 1) {
    places[folder * 2] = factsAt;
    factsAt += factBytes * Math.max(0, (table[folder * wordsPerFolder] ?? 0) - 1);
  }
  let namesAt = factsAt;
  for (let folder = 0; folder < count; folder += 1) {
    places[folder * 2 + 1] = namesAt;
    namesAt += table[folder * wordsPerFolder + 1] ?? 0;
  }
  return {
    of: (folder) => {
      const [counted = 0, length = 0] = table.subarray(folder * wordsPerFolder);
      const [facts = 0, names = 0] = places.subarray(folder * 2);
      if (counted === 0) return undefined;
      const words = (counted - 1) * factNames.length;
      return {
        joinedNames: bytes.toString('utf8', names, names + length),
        facts: new BigInt64Array(bytes.buffer, bytes.byteOffset + facts, words),
      };
    },
  };
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint32Array | PackedFacts): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

import type { BlobId } from '../format/blob-id.ts';
import type { MasterKey } from '../format/master-key.ts';
import { macBytes, readWithMac, writeWithMac } from '../memory-mac.ts';

export type SnapshotMemory = {
  readonly version: 1;
  /** The tree of the snapshot that this is of. */
  readonly tree: BlobId;
  /** Stands for everything else that a snapshot depends on: where, excludes, names of accounts. */
  readonly context: string;
  /** While these are in the repository, so is everything that the snapshot names: whoever removes a pack replaces its index first. */
  readonly indexFiles: readonly string[];
  /** Path, print of the entries ('' when it is not to be believed), tree. */
  readonly folders: readonly (readonly [path: string, print: string, tree: BlobId])[];
};

const purpose = 'holdfast snapshot memory 1';

/** What `writeMemory` wrote with this key; undefined for anything else: it saves time, nothing depends on it. */
export async function readMemory(path: string, key: MasterKey): Promise<SnapshotMemory | undefined> {
  const bytes = await readWithMac(path, key, purpose);
  if (bytes === undefined) return undefined;
  // By its MAC it is what `writeMemory` made, perhaps that of another version: thousands of folders are not looked through again.
  const memory = JSON.parse(bytes.toString('utf8', macBytes)) as { readonly version: number } | null;
  return memory?.version === 1 ? (memory as SnapshotMemory) : undefined;
}

export async function writeMemory(path: string, key: MasterKey, memory: SnapshotMemory): Promise<void> {
  const bytes = Buffer.concat([Buffer.alloc(macBytes), Buffer.from(JSON.stringify(memory))]);
  await writeWithMac(path, key, purpose, bytes);
}

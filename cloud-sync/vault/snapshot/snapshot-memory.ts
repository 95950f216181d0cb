import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { atomicWrite } from '../../../lib/atomic-write.ts';
import { isBlobId, type BlobId } from '../format/blob-id.ts';
import { masterKeyBytes, type MasterKey } from '../format/master-key.ts';

const blobId = z.custom<BlobId>((value) => typeof value === 'string' && isBlobId(value));

const memorySchema = z.strictObject({
  version: z.literal(1),
  /** The tree of the snapshot that this is of. */
  tree: blobId,
  /** Stands for everything else that a snapshot depends on: where, excludes, names of accounts. */
  context: z.string(),
  /** While these are in the repository, so is everything that the snapshot names: whoever removes a pack replaces its index first. */
  indexFiles: z.array(z.string()),
  /** Path, print of the entries ('' when it is not to be believed), tree. */
  folders: z.array(z.tuple([z.string(), z.string(), blobId])),
});

export type SnapshotMemory = z.infer<typeof memorySchema>;

const macBytes = 32;
const maxBytes = 512 * 1024 * 1024;

/** What `writeMemory` wrote with this key; undefined for anything else: it saves time, nothing depends on it. */
export async function readMemory(path: string, key: MasterKey): Promise<SnapshotMemory | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch {
    return undefined;
  }
  if (bytes.length < macBytes || bytes.length > maxBytes) return undefined;
  const text = bytes.subarray(macBytes);
  if (!timingSafeEqual(bytes.subarray(0, macBytes), macOf(text, key))) return undefined;
  return memorySchema.safeParse(JSON.parse(text.toString())).data;
}

export async function writeMemory(path: string, key: MasterKey, memory: SnapshotMemory): Promise<void> {
  const text = Buffer.from(JSON.stringify(memory));
  await atomicWrite(path, Buffer.concat([macOf(text, key), text]));
}

/** By a key of the repository: nobody else, and no other repository, can say that a file has not changed. */
function macOf(text: Uint8Array, key: MasterKey): Buffer {
  const secret = Buffer.from(hkdfSync('sha256', masterKeyBytes(key), '', 'holdfast snapshot memory 1', 32));
  return createHmac('sha256', secret).update(text).digest();
}

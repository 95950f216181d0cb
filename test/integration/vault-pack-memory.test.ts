import { hash, randomBytes } from 'node:crypto';
import { lstatSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { directMemoryBytes } from '../../cloud-sync/vault/direct-memory.ts';
import { createMasterKey } from '../../cloud-sync/vault/format/master-key.ts';
import { readPackHeader } from '../../cloud-sync/vault/format/pack-header.ts';
import { Sealer } from '../../cloud-sync/vault/format/sealer.ts';
import { BlobTable } from '../../cloud-sync/vault/blob-table.ts';
import { createBlobClaims } from '../../cloud-sync/vault/snapshot/blob-claims.ts';
import type { FinishedPack } from '../../cloud-sync/vault/snapshot/blob-packer.ts';
import { factsOf, packedFacts, putFacts } from '../../cloud-sync/vault/snapshot/file-facts.ts';
import type { FileJob } from '../../cloud-sync/vault/snapshot/file-queue.ts';
import {
  packCapacityBytes,
  packsInFlight,
  packTargetBytes,
} from '../../cloud-sync/vault/snapshot/snapshot-limits.ts';
import { SnapshotTally } from '../../cloud-sync/vault/snapshot/snapshot-tally.ts';
import { SnapshotThreads } from '../../cloud-sync/vault/snapshot/snapshot-threads.ts';
import { temporaryFolder } from '../support/cli.ts';

/** More than are open and on their way at once. */
const packCount = packsInFlight + 5;
const memoryBytes = directMemoryBytes(packCapacityBytes);
const mark = 0x5a;

/** Reads a file by a thread; `onPack` is called with each pack of it, and whether its memory was marked. */
async function readByThread(
  path: string,
  key: ReturnType<typeof createMasterKey>,
  onPack: (pack: FinishedPack) => void,
) {
  const facts = packedFacts(1);
  putFacts(facts, 0, factsOf(lstatSync(path, { bigint: true })));
  const read = Promise.withResolvers<number>();
  const done: FileJob['done'] = ({ sizes }) => read.resolve(sizes[0] ?? 0);
  const jobs: FileJob[] = [{ paths: path, facts, done }];
  await using threads = new SnapshotThreads({
    ...{
      count: 1,
      key,
      level: 0,
      claims: createBlobClaims(new BlobTable()),
      progress: new SnapshotTally().shared,
    },
    onPack: (pack) => {
      onPack(pack);
      return Promise.resolve();
    },
    nextJob: () => jobs.pop(),
    onFailed: read.reject,
  });
  threads.wake();
  const size = await read.promise;
  await threads.finish();
  return size;
}

test('a thread makes packs in the memory of earlier ones, and nothing of those is in them', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'file');
  const size = packCount * packTargetBytes;
  writeFileSync(path, randomBytes(size));
  const key = createMasterKey();
  const sealer = new Sealer(key);
  const isOurs: boolean[] = [];
  let bytesRead = 0;
  const onPack = (finished: FinishedPack): void => {
    const { bytes, contents } = finished;
    expect(hash('sha256', bytes, 'hex')).toBe(contents.pack);
    expect(readPackHeader(sealer, bytes, bytes.byteLength)).toEqual(contents.blobs);
    for (const { offset, length } of contents.blobs)
      bytesRead += sealer.open(bytes.subarray(offset, offset + length)).byteLength;
    isOurs.push((bytes.buffer as ArrayBuffer).resizable);
    // In place of the pack's own memory: the system may give a thread the same again, but never such.
    const ours = new ArrayBuffer(memoryBytes, { maxByteLength: memoryBytes });
    Object.assign(finished, { bytes: new Uint8Array(ours).fill(mark) });
  };
  expect(await readByThread(path, key, onPack)).toBe(size);
  expect(bytesRead).toBe(size);
  expect(isOurs[0]).toBe(false);
  expect(isOurs).toContain(true);
});

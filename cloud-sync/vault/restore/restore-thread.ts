import { closeSync, constants, fsyncSync, openSync, readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { errorCode, errorMessage } from '../../../lib/error-code.ts';
import { openPosix } from '../../../lib/posix.ts';
import { decodeBlob } from '../format/blob-codec.ts';
import { blobIdOf } from '../format/blob-id.ts';
import { masterKeyFrom } from '../format/master-key.ts';
import { Sealer } from '../format/sealer.ts';
import { releaseBytes } from '../release-bytes.ts';
import { stopsEverything } from './fatal-codes.ts';
import { clearData, FileWriter } from './file-writer.ts';
import { rawPath } from '../snapshot/raw-path.ts';
import type {
  FileFailure,
  FinishJob,
  JobBlob,
  RestoreJob,
  RestoreResult,
  RestoreThreadData,
  SyncJob,
  ThreadReply,
  ThreadRequest,
  VerifyJob,
  WriteJob,
} from './thread-jobs.ts';

/** The entry of a thread that opens blobs and writes files, all synchronously: it has nothing else to do. */
const data = workerData as RestoreThreadData;
const sealer = new Sealer(masterKeyFrom(data.key));
const posix = openPosix();
const writer = new FileWriter(data.root, data.sparse, {
  posix,
  owners: data.owners,
  uid: process.geteuid?.() ?? 0,
  gid: process.getegid?.() ?? 0,
});

function run(job: RestoreJob): RestoreResult {
  switch (job.kind) {
    case 'write':
      return write(job);
    case 'finish':
      return finish(job);
    case 'verify':
      return verify(job);
    case 'sync':
      return sync(job);
    default:
      return job satisfies never;
  }
}

function write({ bytes, sealed, blobs }: WriteJob): RestoreResult {
  const failures: FileFailure[] = [];
  const damaged: number[] = [];
  for (const [place, blob] of blobs.entries()) {
    const sealedBytes = bytes.subarray(blob.start, blob.start + blob.length);
    const plain = sealed ? openBlob(blob, sealedBytes) : sealedBytes;
    if (plain === undefined) damaged.push(place);
    else placeBlob(blob, plain, failures);
    if (plain !== undefined) releaseBytes(plain);
  }
  releaseBytes(bytes);
  return { failures, damaged, found: [] };
}

/** Undefined for bytes that are not what the blob's id says. [G8] */
function openBlob({ id, uncompressedLength }: JobBlob, sealed: Uint8Array): Buffer | undefined {
  try {
    return decodeBlob(sealer, sealed, { id, uncompressedLength });
  } catch (error) {
    if (errorCode(error) === 'corrupt') return undefined;
    throw error;
  }
}

function placeBlob({ whole, parts }: JobBlob, plain: Uint8Array, failures: FileFailure[]): void {
  for (const file of whole) attempt(file.index, failures, () => writer.writeWhole(file, plain));
  for (const part of parts) {
    attempt(part.index, failures, () => {
      writer.writePart(part, plain);
      return [];
    });
  }
}

function finish({ files }: FinishJob): RestoreResult {
  const failures: FileFailure[] = [];
  for (const file of files) attempt(file.index, failures, () => writer.finish(file));
  return { failures, damaged: [], found: [] };
}

function attempt(index: number, failures: FileFailure[], work: () => string[]): void {
  try {
    for (const message of work()) failures.push({ index, code: 'attribute', message });
  } catch (error) {
    if (stopsEverything(error)) throw error;
    failures.push({ index, code: 'unwritable', message: errorMessage(error) });
  }
}

function verify({ files }: VerifyJob): RestoreResult {
  const found = files.map(({ index, path, chunks }) => ({ index, chunks: rightChunks(path, chunks) }));
  return { failures: [], damaged: [], found };
}

/**
 * As the disk has them: after a sync that failed, or was cut short, the system may remember bytes that never came there, and call them
 * written. What is wrong is cleared: zeros that belong there are not written, and would let it shine through. [G8]
 */
function rightChunks(path: string, chunks: VerifyJob['files'][number]['chunks']): number[] {
  const file = openSync(rawPath(`${data.root}/${path}`), constants.O_RDWR | constants.O_NOFOLLOW);
  try {
    posix?.forgetCached(file);
    const right: number[] = [];
    let position = 0;
    for (const [place, { id, bytes }] of chunks.entries()) {
      const piece = Buffer.allocUnsafe(bytes);
      const count = readSync(file, piece, 0, bytes, position);
      if (count === bytes && blobIdOf(piece) === id) right.push(place);
      else if (data.sparse) clearData(file, piece.subarray(0, count), position);
      position += bytes;
    }
    return right;
  } finally {
    closeSync(file);
  }
}

/** A failed sync is fatal and never tried again: the kernel may have dropped the pages. */
function sync({ paths }: SyncJob): RestoreResult {
  if (posix !== undefined) posix.syncFileSystem(data.rootFile);
  else for (const path of paths) syncPath(path);
  fsyncSync(data.rootFile);
  return { failures: [], damaged: [], found: [] };
}

function syncPath(path: string): void {
  const file = openSync(rawPath(`${data.root}/${path}`), constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function reply({ id, job }: ThreadRequest): ThreadReply {
  try {
    return { id, result: run(job) };
  } catch (error) {
    return { id, fatal: { code: errorCode(error) ?? 'internal', message: errorMessage(error) } };
  }
}

parentPort?.on('message', (request: ThreadRequest) => parentPort?.postMessage(reply(request)));

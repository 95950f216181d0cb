import { parentPort, receiveMessageOnPort, workerData, type MessagePort } from 'node:worker_threads';
import { openDirectMemory } from '../direct-memory.ts';
import { openPosix } from '../../../lib/posix.ts';
import { gearOf } from '../chunker/gear.ts';
import { masterKeyFrom } from '../format/master-key.ts';
import { Sealer } from '../format/sealer.ts';
import { BlobClaims } from './blob-claims.ts';
import { BlobPacker, type FinishedPack } from './blob-packer.ts';
import { factsAt } from './file-facts.ts';
import { FileReader } from './file-reader.ts';
import { packCapacityBytes } from './snapshot-limits.ts';
import type { FileNote, FilesRead, FromThread, ThreadSetup, ToThread } from './thread-messages.ts';

/** The entry of a thread that reads files and makes packs of them. It ends when it is terminated: nothing of it outlives that. */
function main(port: MessagePort, { key: keyBytes, claims, level, ...shared }: ThreadSetup): void {
  const key = masterKeyFrom(keyBytes);
  const handOver = (pack: FinishedPack) => {
    takeCredit(new Int32Array(shared.credits));
    send(port, { kind: 'pack', ...pack }, [pack.bytes.buffer as ArrayBuffer]);
  };
  const directMemory = openDirectMemory();
  const packer = new BlobPacker({
    sealer: new Sealer(key),
    claims: new BlobClaims(claims),
    level,
    takeMemory: () => directMemory(packCapacityBytes, usedMemory(shared.memory)),
    onPack: handOver,
  });
  const counters = new BigInt64Array(shared.progress);
  const reader = new FileReader({
    gear: gearOf(key),
    posix: openPosix(),
    addBlob: (plain) => packer.add(plain),
    onBytes: (count) => Atomics.add(counters, 1, BigInt(count)),
  });
  port.on('message', (message: ToThread) => {
    switch (message.kind) {
      case 'read':
        send(port, readFiles(reader, message, counters));
        return;
      case 'finish':
        packer.flush();
        send(port, { kind: 'finished' });
        return;
      default:
        message satisfies never;
    }
  });
}

type ReadJob = Extract<ToThread, { kind: 'read' }>;

function readFiles(reader: FileReader, { job, paths, facts }: ReadJob, counters: BigInt64Array): FilesRead {
  const files = paths.split('\0');
  const blobCounts = new Int32Array(files.length);
  const sizes = new Float64Array(files.length);
  const ids: Buffer[] = [];
  const notes: FileNote[] = [];
  for (const [file, path] of files.entries()) {
    const read = reader.read(path, factsAt(facts, file));
    blobCounts[file] = read.ids.length;
    sizes[file] = read.size;
    for (const id of read.ids) ids.push(id);
    if (read.note !== undefined) notes.push({ file, ...read.note });
    Atomics.add(counters, 0, 1n);
  }
  return { kind: 'read', job, blobCounts, sizes, ids: Buffer.concat(ids), notes };
}

/** Waits while enough finished packs lie in memory. Nothing else is to be done meanwhile: this thread would only make more. */
function takeCredit(credits: Int32Array): void {
  for (;;) {
    const left = Atomics.load(credits, 0);
    if (left <= 0) Atomics.wait(credits, 0, left);
    else if (Atomics.compareExchange(credits, 0, left, left - 1) === left) return;
  }
}

/** What was used before costs no page faults. */
function usedMemory(port: MessagePort): ArrayBuffer | undefined {
  const used = receiveMessageOnPort(port) as { readonly message: ArrayBuffer } | undefined;
  return used?.message;
}

function send(port: MessagePort, message: FromThread, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}

if (parentPort !== null) main(parentPort, workerData as ThreadSetup);

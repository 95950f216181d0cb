import {
  appendFileSync,
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { SnapshotOutcome, SnapshotRequest } from '../../cloud-sync/vault/snapshot/snapshot-request.ts';
import { takeSnapshot } from '../../cloud-sync/vault/snapshot/take-snapshot.ts';
import { silentLogger } from '../../lib/logger.ts';
import { seededRandom } from '../support/random.ts';
import { ResticRepository } from '../support/restic-repository.ts';

const signal = AbortSignal.timeout(600_000);
let repository: ResticRepository;

beforeEach(async () => {
  repository = await ResticRepository.create();
});

afterEach(() => repository[Symbol.asyncDispose]());

/** With what is remembered, as another process would. */
async function snapshot(request: Partial<SnapshotRequest> = {}): Promise<SnapshotOutcome> {
  // Files that were written a moment ago are read again, and folders with them are not remembered.
  await sleep(150);
  return takeSnapshot({
    ...{ repository: await repository.reopen(), folder: repository.data, recordedPath: '/volumes/data' },
    ...{ hostname: 'device', tags: [], excludes: [], parent: 'latest', threads: 2 },
    ...{ memory: repository.beside('memory'), logger: silentLogger, signal },
    ...request,
  });
}

async function treeOf({ id }: SnapshotOutcome): Promise<string> {
  return (await (await repository.reopen()).snapshot(id, { signal })).document.tree;
}

/** The same folder, of which nothing is known. */
async function treeAnew(): Promise<string> {
  const alone = { parent: 'none', hostname: 'other', memory: join(repository.beside('elsewhere'), 'memory') };
  return await treeOf(await snapshot(alone));
}

/** Writes, replaces by another kind, or takes away what is there. */
function changeAtRandom(path: string, random: () => number): void {
  const kind = Math.floor(random() * 5);
  if (kind < 4) rmSync(path, { recursive: true, force: true });
  if (kind === 0) mkdirSync(path);
  if (kind === 0 && random() < 0.5) writeFileSync(join(path, 'inside'), 'inside');
  if (kind === 1) symlinkSync('nowhere', path);
  if (kind === 2) writeFileSync(path, `${random()}`);
  if (kind === 4 && lstatSync(path, { throwIfNoEntry: false })?.isFile() === true) chmodSync(path, 0o600);
}

test('a snapshot is what it would be without memory, however the folder changes time after time', async () => {
  const random = seededRandom(11);
  const odd = ['"', 'ä', '\u{1f600}', '\uffee', '},{"name":"b"', 'n'.repeat(200)];
  const names = [...odd, ...Array.from({ length: 60 }, (_, at) => `entry ${at}`)];
  const folders = ['', 'one', 'two', 'two/three'].map((name) => join(repository.data, name));
  for (const folder of folders) mkdirSync(folder, { recursive: true });
  writeFileSync(Buffer.concat([Buffer.from(`${folders[1] ?? ''}/`), Buffer.of(0x61, 0xff)]), 'no UTF-8');
  for (let round = 0; round < 6; round += 1) {
    for (const folder of folders) {
      for (const name of names.filter(() => random() < (round === 0 ? 0.6 : 0.1)))
        changeAtRandom(join(folder, name), random);
    }
    const remembered = await snapshot();
    expect(remembered.problems).toEqual([]);
    expect(await treeOf(remembered)).toBe(await treeAnew());
  }
  const { code, errors } = await repository.restic('check', '--read-data');
  expect([code, errors]).toEqual([0, '']);
});

test('an index of many blobs is read from what is remembered, with what others added', async () => {
  for (let at = 0; at < 1500; at += 1) writeFileSync(join(repository.data, `file ${at}`), `content ${at}`);
  await snapshot();
  const remembered = () => readdirSync(repository.beside('.')).filter((name) => name.endsWith('.index'));
  expect(remembered()).toHaveLength(1);
  writeFileSync(join(repository.data, 'more'), 'by restic');
  await repository.restic('backup', '--host', 'other', join(repository.data, 'more'));
  writeFileSync(join(repository.data, 'file 7'), 'changed');
  const { newBytes, files } = await snapshot();
  expect(files).toEqual({ new: 1, changed: 1, unmodified: 1499 });
  expect(newBytes).toBeLessThan(1_000_000);
  const opened = await repository.reopen();
  const memory = repository.beside(remembered()[0] ?? '');
  const [some, all] = [
    await opened.index({ signal, memory }),
    await (await repository.reopen()).index({ signal }),
  ];
  expect(some.files.toSorted()).toEqual(all.files.toSorted());
  expect(some.blobCount).toBe(all.blobCount);
  for (const { pack, blobs } of all.packs()) {
    for (const { id, type, ...place } of blobs)
      expect(some.locations(id, type)).toContainEqual({ pack, ...place });
  }
});

test.each(['memory.entries', '.index'])('nothing is needed of what is remembered in %s', async (which) => {
  for (let at = 0; at < 1500; at += 1) writeFileSync(join(repository.data, `file ${at}`), `content ${at}`);
  await snapshot();
  const found = readdirSync(repository.beside('.')).filter((name) => name.endsWith(which));
  expect(found).toHaveLength(1);
  for (const name of found) appendFileSync(repository.beside(name), 'x');
  writeFileSync(join(repository.data, 'three'), 'new');
  const second = await snapshot();
  expect(second.files).toEqual({ new: 1, changed: 0, unmodified: 1500 });
  expect(await treeOf(second)).toBe(await treeAnew());
});

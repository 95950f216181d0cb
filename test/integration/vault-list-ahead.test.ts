import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { compileExcludes } from '../../cloud-sync/vault/snapshot/exclude-patterns.ts';
import { ListAhead } from '../../cloud-sync/vault/snapshot/list-ahead.ts';
import { listBackwards } from '../../cloud-sync/vault/snapshot/list-backwards.ts';
import { joinListings, listFolder, lookAt, namesIn } from '../../cloud-sync/vault/snapshot/list-folder.ts';
import {
  entriesInPart,
  listWithOther,
  minEntriesInParts,
} from '../../cloud-sync/vault/snapshot/list-in-parts.ts';
import type { SnapshotRequest } from '../../cloud-sync/vault/snapshot/snapshot-request.ts';
import { takeSnapshot } from '../../cloud-sync/vault/snapshot/take-snapshot.ts';
import { WalkPosition } from '../../cloud-sync/vault/snapshot/walk-position.ts';
import { silentLogger } from '../../lib/logger.ts';
import { createMemoryRepository } from '../support/memory-repository.ts';
import { makeNastyTree } from '../support/nasty-tree.ts';
import { temporaryFolder } from '../support/cli.ts';

const signal = AbortSignal.timeout(600_000);
const keep = () => false;

/** Ten folders of ten folders with a file each. */
function makeTree(folder: string): void {
  for (let outer = 0; outer < 10; outer += 1)
    for (let inner = 0; inner < 10; inner += 1) {
      mkdirSync(join(folder, `${outer}/${inner}`), { recursive: true });
      writeFileSync(join(folder, `${outer}/${inner}/file`), `${outer} ${inner}`);
    }
}

function pathsListed(folder: string, position: WalkPosition, maxEntries = Infinity): string[] {
  return [...listBackwards({ folder, excludes: undefined, position, maxEntries })].map(({ path }) => path);
}

/** A thread that is done before the walk begins. */
function listedAhead(folder: string, excludes: readonly string[]): NonNullable<SnapshotRequest['ahead']> {
  const startMs = Date.now();
  const position = new WalkPosition();
  const options = { folder, excludes: compileExcludes(excludes), position, maxEntries: Infinity };
  const listed = [...listBackwards(options)];
  const listings = new Map(
    listed.flatMap((found) => ('listing' in found ? [[found.path, found.listing] as const] : [])),
  );
  const other = { rest: () => undefined, lookedAt: () => undefined };
  return { startMs, position, take: (path) => listings.get(path), other: () => other };
}

test('a folder is listed whole from its end while nobody walks it, each folder before what is in it', async () => {
  await using folder = await temporaryFolder();
  makeTree(folder.path);
  const paths = pathsListed(folder.path, new WalkPosition());
  expect(new Set(paths).size).toBe(111);
  expect(paths).toHaveLength(111);
  const outer = listFolder(folder.path, keep).entries.names;
  expect(paths.filter((path) => /^\d$/.test(path))).toEqual([...outer].reverse());
  for (const [index, path] of paths.entries())
    if (path.includes('/')) expect(paths.indexOf(path.slice(0, 1))).toBeLessThan(index);
});

test('it ends where the walk is: what lies behind is not listed again', async () => {
  await using folder = await temporaryFolder();
  makeTree(folder.path);
  const outer = listFolder(folder.path, keep).entries.names;
  const inner = listFolder(join(folder.path, outer[6] ?? ''), keep).entries.names;
  const position = new WalkPosition();
  position.enter(0, 6);
  position.enter(1, 7);
  const paths = pathsListed(folder.path, position);
  const expected = [
    '',
    ...outer.slice(7).flatMap((name) => [name, ...inner.map((below) => `${name}/${below}`)]),
    ...[outer[6], ...inner.slice(7).map((below) => `${outer[6]}/${below}`)],
  ];
  expect(paths.toSorted()).toEqual(expected.toSorted());
});

test('it ends after so many entries, leaves out what is excluded, and skips what cannot be listed', async () => {
  await using folder = await temporaryFolder();
  makeTree(folder.path);
  expect(pathsListed(folder.path, new WalkPosition(), 25).length).toBeLessThan(30);
  const excludes = compileExcludes(['/3/', '7']);
  const options = { folder: folder.path, excludes, position: new WalkPosition(), maxEntries: Infinity };
  const paths = [...listBackwards(options)].map(({ path }) => path);
  expect(paths.filter((path) => /7|^3/.test(path))).toEqual([]);
  expect(paths).toHaveLength(1 + 8 * 10);
  expect(pathsListed(join(folder.path, 'missing'), new WalkPosition())).toEqual([]);
});

test('a folder of more entries than are to be listed ahead is left to the walk, its neighbours are not', async () => {
  await using folder = await temporaryFolder();
  makeTree(folder.path);
  mkdirSync(join(folder.path, 'huge'));
  for (let file = 0; file < 300; file += 1) writeFileSync(join(folder.path, `huge/${file}`), '');
  const paths = pathsListed(folder.path, new WalkPosition(), 250);
  expect(paths).not.toContain('huge');
  expect(paths).toHaveLength(111);
  expect(pathsListed(join(folder.path, 'huge'), new WalkPosition(), 250)).toEqual([]);
});

/** A folder in it of so many files, a folder among them. */
function makeLarge(folder: string, count: number): string {
  const large = join(folder, 'large');
  mkdirSync(join(large, 'below'), { recursive: true });
  for (let file = 1; file < count; file += 1) writeFileSync(join(large, `file-${file}`), '');
  return large;
}

const largeCount = 2 * minEntriesInParts;

test('a large folder is listed in parts, the last one first, and then what is in it', async () => {
  await using folder = await temporaryFolder();
  const large = makeLarge(folder.path, largeCount);
  const options = {
    excludes: compileExcludes(['file-7']),
    position: new WalkPosition(),
    maxEntries: Infinity,
  };
  const found = [...listBackwards({ ...options, folder: folder.path })];
  const parts = found.flatMap((each) => ('part' in each ? [each.part] : [])).reverse();
  expect(parts.flatMap(({ names }) => names)).toEqual(namesIn(large));
  expect(joinListings(parts.map(({ listing }) => listing))).toEqual(
    listFolder(large, (name) => name === 'file-7'),
  );
  expect(found.at(-1)?.path).toBe('large/below');
});

test('a large folder is left where the walk has been at its entries', async () => {
  await using folder = await temporaryFolder();
  makeLarge(folder.path, largeCount);
  const position = new WalkPosition();
  position.enter(0, 0);
  position.lookedAt(largeCount - 2 * entriesInPart);
  const found = [
    ...listBackwards({ folder: folder.path, excludes: undefined, position, maxEntries: Infinity }),
  ];
  expect(found.flatMap((each) => ('part' in each ? [each.part.from] : []))).toEqual([
    largeCount - entriesInPart,
    largeCount - 2 * entriesInPart,
  ]);
  expect(found.map(({ path }) => path)).not.toContain('large/below');
});

test('who lists a large folder from its first entry on goes as far as the other came, and says how far it is', async () => {
  await using folder = await temporaryFolder();
  const large = makeLarge(folder.path, largeCount);
  const half = largeCount / 2;
  const told: number[] = [];
  const listing = listWithOther(large, keep, {
    rest: (names, from) => (from < half ? undefined : [lookAt(large, names.slice(from), keep)]),
    lookedAt: (count) => told.push(count),
  });
  expect(listing).toEqual(listFolder(large, keep));
  expect(told.at(-1)).toBe(half);
});

test('a thread and the walk list a large folder together', async () => {
  await using folder = await temporaryFolder();
  const large = makeLarge(folder.path, largeCount);
  await using ahead = new ListAhead(folder.path, ['file-7']);
  // Listed last.
  while (ahead.take('large/below') === undefined) {
    signal.throwIfAborted();
    await sleep(5);
  }
  const other = ahead.other('large');
  const names = namesIn(large);
  expect(other.rest([...names].reverse(), 0)).toBeUndefined();
  expect(joinListings(other.rest(names, 0) ?? [])).toEqual(listFolder(large, (name) => name === 'file-7'));
  expect(listWithOther(large, keep, other)).toEqual(listFolder(large, keep));
});

test('a thread tells of every folder what the walk would have seen, once', async () => {
  await using folder = await temporaryFolder();
  makeTree(folder.path);
  symlinkSync(folder.path, join(folder.path, 'link'));
  await using ahead = new ListAhead(folder.path, ['/4/']);
  let listing = ahead.take('0/0');
  for (; listing === undefined; listing = ahead.take('0/0')) {
    signal.throwIfAborted();
    await sleep(5);
  }
  expect(listing).toEqual(listFolder(join(folder.path, '0/0'), keep));
  expect(ahead.take('0/0')).toBeUndefined();
  expect(ahead.take('4')).toBeUndefined();
  expect(ahead.take('9')?.entries).toEqual(listFolder(join(folder.path, '9'), keep).entries);
});

test('a snapshot from listings ahead has the tree of one without, whatever the folder holds', async () => {
  await using folder = await temporaryFolder();
  makeNastyTree(folder.path);
  const { repository } = await createMemoryRepository();
  const request = {
    ...{
      repository,
      folder: folder.path,
      recordedPath: '/data',
      hostname: 'device',
      tags: [],
      excludes: ['*.tmp'],
    },
    ...{ parent: 'none', threads: 1, logger: silentLogger, signal },
  };
  const treeOf = async (id: string) => (await repository.snapshot(id, { signal })).document.tree;
  const plain = await takeSnapshot(request);
  await using thread = new ListAhead(folder.path, request.excludes);
  for (const ahead of [thread, listedAhead(folder.path, request.excludes)]) {
    const { id, files, folders, totalBytes } = await takeSnapshot({ ...request, ahead });
    expect(await treeOf(id)).toBe(await treeOf(plain.id));
    expect([files, folders, totalBytes]).toEqual([plain.files, plain.folders, plain.totalBytes]);
  }
});

test('what changed after it was listed is read as it is, and looked at again the next time', async () => {
  await using folder = await temporaryFolder();
  makeTree(folder.path);
  const { repository } = await createMemoryRepository();
  await using memory = await temporaryFolder();
  const request = {
    ...{ repository, folder: folder.path, recordedPath: '/data', hostname: 'device', tags: [], excludes: [] },
    ...{ parent: 'latest', threads: 1, memory: join(memory.path, 'seen'), logger: silentLogger, signal },
  };
  const ahead = listedAhead(folder.path, []);
  writeFileSync(join(folder.path, '9/9/file'), 'longer than it was when it was listed');
  rmSync(join(folder.path, '8/8/file'));
  chmodSync(join(folder.path, '7/7/file'), 0o600);
  const first = await takeSnapshot({ ...request, ahead });
  expect(first.problems.map(({ path, code }) => [path, code])).toEqual([['8/8/file', 'vanished']]);
  const second = await takeSnapshot(request);
  const third = await takeSnapshot({ ...request, parent: 'none' });
  const treeOf = async (id: string) => (await repository.snapshot(id, { signal })).document.tree;
  expect(await treeOf(second.id)).toBe(await treeOf(third.id));
});

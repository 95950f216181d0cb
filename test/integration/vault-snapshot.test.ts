import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { BlobId } from '../../cloud-sync/vault/format/blob-id.ts';
import type { TreeNode } from '../../cloud-sync/vault/format/tree-node.ts';
import type { Repository } from '../../cloud-sync/vault/repository.ts';
import { SyncError } from '../../cloud-sync/errors.ts';
import { FileReader } from '../../cloud-sync/vault/snapshot/file-reader.ts';
import type {
  SnapshotOutcome,
  SnapshotProgress,
  SnapshotRequest,
} from '../../cloud-sync/vault/snapshot/snapshot-request.ts';
import { takeSnapshot } from '../../cloud-sync/vault/snapshot/take-snapshot.ts';
import { silentLogger } from '../../lib/logger.ts';
import { createMemoryRepository } from '../support/memory-repository.ts';
import { makeNastyTree, seededBytes } from '../support/nasty-tree.ts';
import { ResticRepository } from '../support/restic-repository.ts';
import { treeDifferences, treeEntries } from '../support/tree-entries.ts';

const signal = AbortSignal.timeout(600_000);
let repository: ResticRepository;

beforeEach(async () => {
  repository = await ResticRepository.create();
});

afterEach(() => repository[Symbol.asyncDispose]());

async function snapshot(request: Partial<SnapshotRequest> = {}): Promise<SnapshotOutcome> {
  // As another process would: nothing is remembered but by the file.
  const opened = request.repository ?? (await repository.reopen());
  return takeSnapshot({
    repository: opened,
    folder: repository.data,
    recordedPath: '/volumes/data',
    hostname: 'device',
    tags: ['daily'],
    excludes: [],
    parent: 'latest',
    threads: 2,
    logger: silentLogger,
    signal,
    ...request,
  });
}

async function expectCleanCheck(): Promise<void> {
  const { code, output, errors } = await repository.restic('check', '--read-data');
  expect([code, errors, output]).toEqual([0, '', expect.stringContaining('no errors were found')]);
}

/** Of all entries, with their extended attributes. */
function entriesOf(folder: string): Map<string, string> {
  const attributes = execFileSync('getfattr', ['-R', '-P', '-h', '-d', '-m', '-', '-e', 'hex', '.'], {
    cwd: folder,
    encoding: 'latin1',
  });
  return new Map([...treeEntries(folder), ['attributes', attributes]]);
}

async function expectRestored(id: string, expected: ReadonlyMap<string, string>): Promise<void> {
  const target = repository.beside(`restored-${id.slice(0, 8)}`);
  const { code, errors } = await repository.restic('restore', id, '--target', target);
  expect([code, errors]).toEqual([0, '']);
  expect(treeDifferences(expected, entriesOf(target))).toEqual([]);
}

/** Files that were written a moment ago are read again, and folders with them are not remembered. */
async function settle(): Promise<void> {
  await sleep(150);
}

function opened(): Promise<Repository> {
  return repository.reopen();
}

/** By path. */
async function nodesOf(id: string): Promise<Map<string, TreeNode>> {
  const from = await opened();
  const nodes = new Map<string, TreeNode>();
  const add = async (tree: BlobId, path: string): Promise<void> => {
    for (const node of await from.readTree(tree, { signal })) {
      nodes.set(path + node.name, node);
      if (node.subtree !== undefined) await add(node.subtree, `${path}${node.name}/`);
    }
  };
  await add((await from.snapshot(id, { signal })).document.tree, '');
  return nodes;
}

describe('a snapshot', () => {
  test('passes the check of restic, which restores the same tree from it', async () => {
    makeNastyTree(repository.data);
    const expected = entriesOf(repository.data);
    const { id, problems } = await snapshot();
    expect(problems).toEqual([]);
    await expectCleanCheck();
    await expectRestored(id, expected);
    const listed = JSON.parse((await repository.restic('snapshots', '--json')).output) as unknown[];
    expect(listed).toMatchObject([{ id, paths: ['/volumes/data'], hostname: 'device', tags: ['daily'] }]);
  });

  test('records sockets, which restic cannot make again', async () => {
    const server = createServer().listen(join(repository.data, 'socket'));
    try {
      const { id } = await snapshot();
      expect([...(await nodesOf(id)).values()]).toMatchObject([{ name: 'socket', type: 'socket' }]);
      await expectCleanCheck();
    } finally {
      server.close();
    }
  });

  test('of an empty folder is one', async () => {
    const { id, folders, totalBytes } = await snapshot();
    expect({ folders, totalBytes }).toEqual({ folders: 1, totalBytes: 0 });
    await expectCleanCheck();
    expect((await nodesOf(id)).size).toBe(0);
  });

  test('leaves out what patterns name', async () => {
    for (const name of ['keep.txt', 'drop.tmp']) writeFileSync(join(repository.data, name), name);
    mkdirSync(join(repository.data, 'cache'));
    writeFileSync(join(repository.data, 'cache', 'x'), 'x');
    const { id } = await snapshot({ excludes: ['*.tmp', 'cache/'] });
    expect([...(await nodesOf(id)).keys()]).toEqual(['keep.txt']);
  });

  test('stores a blob once, whoever of the threads comes upon it', async () => {
    const large = seededBytes(3, 12_000_000);
    for (let copy = 0; copy < 5; copy += 1) writeFileSync(join(repository.data, `large-${copy}`), large);
    for (let copy = 0; copy < 1_000; copy += 1) {
      writeFileSync(join(repository.data, `small-${copy}`), `content ${copy % 10}`);
    }
    const { newBytes, totalBytes } = await snapshot({ threads: 4 });
    const index = await (await opened()).index({ signal });
    const data = [...index.packs()].flatMap(({ blobs }) => blobs.filter(({ type }) => type === 'data'));
    expect(new Set(data.map(({ id }) => id)).size).toBe(data.length);
    expect(totalBytes).toBeGreaterThan(60_000_000);
    expect(newBytes).toBeLessThan(13_000_000);
    await expectCleanCheck();
  });
});

describe('the next snapshot', () => {
  const memory = () => repository.beside('memory');

  function fill(): void {
    for (const folder of ['a', 'a/b', 'c']) {
      mkdirSync(join(repository.data, folder));
      for (const name of ['one', 'two']) {
        writeFileSync(join(repository.data, folder, name), `${folder} ${name}`.repeat(100));
      }
    }
  }

  test.each([
    ['by what it remembers', true],
    ['by the trees of its parent', false],
  ])('takes over %s what has not changed, and adds nothing', async (_, remembers) => {
    fill();
    await settle();
    const how = remembers ? { memory: memory() } : {};
    const first = await snapshot(how);
    const second = await snapshot(how);
    expect(second).toMatchObject({
      parent: first.id,
      files: { new: 0, changed: 0, unmodified: 6 },
      newBytes: 0,
      totalBytes: first.totalBytes,
    });
    await expectRestored(second.id, entriesOf(repository.data));
  });

  test.each([true, false])(
    'takes in what is new, changed, renamed or gone (remembering: %j)',
    async (remembers) => {
      fill();
      await settle();
      const how = remembers ? { memory: memory() } : {};
      await snapshot(how);
      writeFileSync(join(repository.data, 'a', 'b', 'one'), 'other');
      writeFileSync(join(repository.data, 'c', 'three'), 'new');
      rmSync(join(repository.data, 'a', 'two'));
      renameSync(join(repository.data, 'c', 'two'), join(repository.data, 'c', 'renamed'));
      chmodSync(join(repository.data, 'a', 'one'), 0o600);
      const second = await snapshot(how);
      expect(second.problems).toEqual([]);
      await expectRestored(second.id, entriesOf(repository.data));
      await settle();
      const third = await snapshot(how);
      expect(third.newBytes).toBe(0);
      await expectRestored(third.id, entriesOf(repository.data));
      await expectCleanCheck();
    },
  );

  test('sees a file that was written again at once, with the same length and the same time', async () => {
    const file = join(repository.data, 'file');
    const moment = new Date('2026-01-01T00:00:00Z');
    writeFileSync(file, 'before');
    utimesSync(file, moment, moment);
    await snapshot({ memory: memory() });
    writeFileSync(file, 'after!');
    utimesSync(file, moment, moment);
    const { id } = await snapshot({ memory: memory() });
    await expectRestored(id, entriesOf(repository.data));
  });

  test('is the parent where nothing changed and no other is wanted', async () => {
    fill();
    await settle();
    const first = await snapshot({ memory: memory() });
    const second = await snapshot({ memory: memory(), skipUnchanged: true });
    expect(second).toMatchObject({ id: first.id, skipped: true });
    expect(await (await opened()).snapshots({ signal })).toHaveLength(1);
  });

  test('is what it would be without a parent, of folders of all kinds with a change in them', async () => {
    makeNastyTree(join(repository.data, 'nasty'));
    fill();
    await settle();
    await snapshot({ memory: memory() });
    for (const folder of readdirSync(repository.data, { withFileTypes: true, recursive: true })) {
      const path = join(folder.parentPath, folder.name, 'added');
      const isText = !path.includes('\ufffd');
      if (folder.isDirectory() && isText && path.length < 500) writeFileSync(path, folder.name);
    }
    await settle();
    const compared = await snapshot({ memory: memory() });
    expect(compared.files.unmodified).toBeGreaterThan(10);
    const anew = await snapshot({ parent: 'none' });
    const opened = await repository.reopen();
    const treeOf = async (id: string) => (await opened.snapshot(id, { signal })).document.tree;
    expect(await treeOf(compared.id)).toBe(await treeOf(anew.id));
  });

  test('believes no memory that somebody changed, nor that of another repository', async () => {
    fill();
    await settle();
    await snapshot({ memory: memory() });
    appendFileSync(memory(), ' ');
    await using other = await ResticRepository.create();
    const elsewhere = await snapshot({ memory: memory(), repository: other.ours });
    expect(elsewhere.files).toEqual({ new: 6, changed: 0, unmodified: 0 });
    const here = await snapshot({ memory: memory() });
    expect(here).toMatchObject({ newBytes: 0, files: { unmodified: 6 } });
  });

  test('stores again what is not in the index any more, whatever it remembers', async () => {
    fill();
    await settle();
    await snapshot({ memory: memory() });
    for (const folder of ['index', 'data']) {
      for (const name of readdirSync(join(repository.folder, folder), {
        recursive: true,
        withFileTypes: true,
      })) {
        if (name.isFile()) rmSync(join(name.parentPath, name.name));
      }
    }
    const { id } = await snapshot({ memory: memory() });
    await expectRestored(id, entriesOf(repository.data));
  });

  test('goes on from a snapshot of restic, and restic from ours', async () => {
    fill();
    await settle();
    await repository.restic('backup', '--host', 'device', repository.data);
    const ours = await snapshot({ recordedPath: repository.data, parent: 'latest' });
    expect(ours).toMatchObject({ parent: expect.stringMatching(/^[0-9a-f]{64}$/), newBytes: 0 });
    const { output } = await repository.restic('backup', '--json', '--host', 'device', repository.data);
    expect(output).toContain('"files_new":');
    await expectCleanCheck();
  });
});

describe('a file that cannot be taken as it is', () => {
  test('is listed when it changes while it is read, and taken as it was read', async () => {
    const file = join(repository.data, 'growing');
    writeFileSync(file, seededBytes(5, 30_000_000));
    let size = statSync(file).size;
    const timer = setInterval(() => {
      appendFileSync(file, 'more');
      size += 4;
    }, 1);
    const outcome = await snapshot().finally(() => clearInterval(timer));
    expect(outcome.problems).toMatchObject([{ path: 'growing', code: 'changed' }]);
    const node = (await nodesOf(outcome.id)).get('growing');
    expect(node?.size).toBeGreaterThanOrEqual(30_000_000);
    expect(node?.size).toBeLessThanOrEqual(size);
    await expectCleanCheck();
    const next = await snapshot();
    expect(next).toMatchObject({ problems: [], files: { changed: 1 } });
    await expectRestored(next.id, entriesOf(repository.data));
  });

  test('is left out and listed when it cannot even be looked at; the others are there', async () => {
    writeFileSync(join(repository.data, 'good'), 'good');
    const name = 'd'.repeat(250);
    // Deeper than any path may be long, so that root cannot look at it either.
    const script = `for i in $(seq 20); do mkdir ${name} && cd ${name}; done; echo lost > lost`;
    execFileSync('sh', ['-c', script], { cwd: repository.data });
    try {
      const { id, problems } = await snapshot();
      expect(problems).toMatchObject([
        { code: 'unreadable', path: expect.stringContaining(`${name}/${name}`) },
      ]);
      expect((await nodesOf(id)).has('good')).toBe(true);
      await expectCleanCheck();
    } finally {
      execFileSync('rm', ['-rf', join(repository.data, name)]);
    }
  });

  test('is not the one that the walker saw: gone, or a fifo or a link in its place', () => {
    const file = join(repository.data, 'file');
    const seen = lstatSync(repository.data, { bigint: true });
    const taken: Uint8Array[] = [];
    const addBlob = (plain: Uint8Array) => Buffer.from(taken.push(plain) > 0 ? [] : []);
    const reader = new FileReader({
      gear: new Int32Array(256),
      posix: undefined,
      addBlob,
      onBytes: () => undefined,
    });
    const codeOf = () => reader.read(file, seen).note?.problem?.code;
    expect(codeOf()).toBe('vanished');
    execFileSync('mkfifo', [file]);
    expect(codeOf()).toBe('changed');
    rmSync(file);
    symlinkSync('/etc/passwd', file);
    expect(codeOf()).toBe('vanished');
    expect(taken).toEqual([]);
  });
});

describe('a snapshot that does not come to its end', () => {
  test('leaves no snapshot and no lock when it is aborted, and the next one is whole and stores only the rest', async () => {
    for (const seed of [1, 2, 3, 4])
      writeFileSync(join(repository.data, `file-${seed}`), seededBytes(seed, 12_000_000));
    const abort = new AbortController();
    const reason = new Error('enough');
    let stored = 0;
    const onProgress = ({ bytesAdded }: SnapshotProgress) => {
      stored = bytesAdded;
      if (bytesAdded > 0) abort.abort(reason);
    };
    const taking = snapshot({ signal: abort.signal, onProgress, bytesPerSecond: 4_000_000 });
    await expect(taking).rejects.toBe(reason);
    expect(readdirSync(join(repository.folder, 'snapshots'))).toEqual([]);
    expect(readdirSync(join(repository.folder, 'locks'))).toEqual([]);
    const { id, newBytes } = await snapshot();
    expect(newBytes).toBeLessThan(48_000_000 - stored / 2);
    await expectRestored(id, entriesOf(repository.data));
    expect((await repository.restic('check')).code).toBe(0);
  });

  test('says what the repository said when that takes no more', async () => {
    writeFileSync(join(repository.data, 'file'), seededBytes(1, 3_000_000));
    const { backend, repository: inMemory } = await createMemoryRepository();
    const full = new SyncError('diskFull', 'No room is left.');
    backend.beforeChange = (_, type) => {
      if (type === 'data') throw full;
    };
    await expect(snapshot({ repository: inMemory })).rejects.toBe(full);
    expect([backend.names('snapshots'), backend.names('index'), backend.names('locks')]).toEqual([
      [],
      [],
      [],
    ]);
  });

  test('tells of its progress until all of it is done', async () => {
    for (const seed of [1, 2, 3])
      writeFileSync(join(repository.data, `file-${seed}`), seededBytes(seed, 3_000_000));
    const reports: SnapshotProgress[] = [];
    const { storedBytes } = await snapshot({ onProgress: (progress) => reports.push(progress) });
    expect(reports.at(-1)).toMatchObject({
      ...{ filesDone: 3, filesTotal: 3, bytesDone: 9_000_000, bytesTotal: 9_000_000 },
      ...{ bytesAdded: storedBytes, remainingMs: 0 },
    });
  });
});

import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from '@jest/globals';
import { openFolderBackend } from '../../cloud-sync/vault/backend/folder-backend.ts';
import { decodeBlob, encodeBlob } from '../../cloud-sync/vault/format/blob-codec.ts';
import { wrapKey } from '../../cloud-sync/vault/format/key-file.ts';
import { readPackHeader } from '../../cloud-sync/vault/format/pack-header.ts';
import { PackWriter } from '../../cloud-sync/vault/format/pack-writer.ts';
import { Sealer } from '../../cloud-sync/vault/format/sealer.ts';
import { decodeTree, encodeTree } from '../../cloud-sync/vault/format/tree.ts';
import { createRepository, openRepository } from '../../cloud-sync/vault/open-repository.ts';
import type { PackContents, PackedBlob, Repository } from '../../cloud-sync/vault/repository.ts';
import { temporaryFolder } from '../support/cli.ts';
import { makeNastyTree } from '../support/nasty-tree.ts';
import { peerTest } from '../support/peers.ts';
import { treeDifferences, treeEntries } from '../support/tree-entries.ts';

const run = promisify(execFile);
const { signal } = new AbortController();
const password = 'both know it';
const timeoutMs = 180_000;

async function restic(folder: string, ...args: string[]): Promise<string> {
  const env = { ...process.env, RESTIC_REPOSITORY: folder, RESTIC_PASSWORD: password };
  const { stdout } = await run('restic', ['--no-cache', '--quiet', ...args], { env, timeout: timeoutMs });
  return stdout;
}

const open = (folder: string) => openRepository(openFolderBackend(folder), { password, signal });

/** Every blob of a repository, authenticated and hashed against its id, with its pack's header compared to the index. */
async function* allBlobs(repository: Repository): AsyncGenerator<PackedBlob & { readonly plain: Buffer }> {
  const sealer = new Sealer(repository.key);
  for (const { pack, blobs } of (await repository.index({ signal })).packs()) {
    const bytes = await repository.backend.read('data', pack, { signal });
    expect(readPackHeader(sealer, bytes, bytes.byteLength)).toEqual(blobs);
    for (const blob of blobs) {
      const sealed = bytes.subarray(blob.offset, blob.offset + blob.length);
      yield { ...blob, plain: decodeBlob(sealer, sealed, blob) };
    }
  }
}

/** Every entry of a snapshot by its path, as its tree says. */
async function* entriesOf(
  repository: Repository,
  tree: PackedBlob['id'],
  path: string,
): AsyncGenerator<string> {
  for (const node of await repository.readTree(tree, { signal })) {
    yield `${path}/${node.name}`;
    if (node.subtree !== undefined) yield* entriesOf(repository, node.subtree, `${path}/${node.name}`);
  }
}

/** The same blobs in packs of ours. */
async function copyBlobs(from: Repository, to: Repository, level: number): Promise<PackContents[]> {
  const sealer = new Sealer(to.key);
  const writers = { data: new PackWriter(), tree: new PackWriter() };
  for await (const { id, type, plain } of allBlobs(from)) {
    writers[type].add({ id, type, ...encodeBlob(sealer, plain, level) });
  }
  const packs = [];
  for (const writer of Object.values(writers)) {
    const { name, bytes, contents } = writer.finish(sealer);
    await to.backend.write('data', name, bytes, { signal });
    packs.push(contents);
  }
  return packs;
}

for (const version of [1, 2] as const) {
  peerTest(
    ['restic', 'setfattr'],
    `a repository of format version ${version} that restic made is read, every blob, tree and snapshot, and added to`,
    async () => {
      await using temporary = await temporaryFolder();
      const [source, folder] = [join(temporary.path, 'source'), join(temporary.path, 'repository')];
      await mkdir(source);
      makeNastyTree(source);
      await restic(folder, 'init', '--repository-version', String(version));
      await restic(folder, 'backup', '--tag', 'one', '--exclude', '*.none', source);
      await using repository = await open(folder);
      expect(repository.version).toBe(version);
      const counts = { data: 0, tree: 0 };
      for await (const { type, plain } of allBlobs(repository)) {
        counts[type] += 1;
        // Byte for byte: restic's `rewrite` and `repair` rely on it.
        if (type === 'tree') expect(encodeTree(decodeTree(plain)).toString()).toBe(plain.toString());
      }
      expect(counts.data).toBeGreaterThan(30);
      expect(counts.tree).toBeGreaterThan(60);
      const [snapshot] = await repository.snapshots({ signal });
      expect(snapshot?.document).toMatchObject({ paths: [source], tags: ['one'], excludes: ['*.none'] });
      if (snapshot === undefined) return;
      const paths: string[] = [];
      for await (const path of entriesOf(repository, snapshot.document.tree, '')) paths.push(path);
      expect(paths.filter((path) => path.startsWith(`${source}/`))).toHaveLength(treeEntries(source).size);

      // And restic reads what we add, which version 1 wants uncompressed.
      await repository.addIndex(await copyBlobs(repository, repository, version === 1 ? 0 : 3), { signal });
      const id = await repository.addSnapshot({ ...snapshot.document, hostname: 'ours' }, { signal });
      await restic(folder, 'check', '--read-data');
      expect(await restic(folder, 'snapshots', '--host', 'ours', '--json')).toContain(`"id":"${id}"`);
    },
    timeoutMs,
  );
}

peerTest(
  ['restic', 'setfattr'],
  'a repository of ours is clean to restic, which restores every entry from it as it was',
  async () => {
    await using temporary = await temporaryFolder();
    const [source, theirs, ours, restored] = ['source', 'theirs', 'ours', 'restored'].map((name) =>
      join(temporary.path, name),
    ) as [string, string, string, string];
    await mkdir(source);
    makeNastyTree(source);
    await restic(theirs, 'init');
    await restic(theirs, 'backup', source);
    await using from = await open(theirs);
    const keys = async (key: Repository['key']) => [
      await wrapKey(key, password, { user: 'u', host: 'h', holdfast: { slot: 'passphrase' } }),
    ];
    await using to = await createRepository(openFolderBackend(ours), { keys, signal });
    await to.addIndex(await copyBlobs(from, to, 3), { signal });
    const { document } = await from.findSnapshot('latest', { signal });
    const id = await to.addSnapshot({ ...document, hostname: 'of ours' }, { signal });

    await restic(ours, 'check', '--read-data');
    expect(await restic(ours, 'snapshots', '--json')).toContain(`"id":"${id}"`);
    await restic(ours, 'restore', id, '--target', restored);
    expect(treeDifferences(treeEntries(source), treeEntries(join(restored, source)))).toEqual([]);
    // restic adds to it, and changes the key; both go on reading.
    await restic(ours, 'backup', '--tag', 'by restic', join(source, 'plain'));
    await restic(ours, 'tag', '--add', 'more', id);
    await using again = await open(ours);
    const tags = (await again.snapshots({ signal })).map((snapshot) => snapshot.document.tags);
    expect(tags).toEqual(expect.arrayContaining([['by restic'], ['more']]));
    expect((await again.findSnapshot('latest', { signal })).document.tags).toEqual(['by restic']);
  },
  timeoutMs,
);

import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { encodeBlob } from '../../cloud-sync/vault/format/blob-codec.ts';
import { blobIdOf, type BlobId, type BlobType } from '../../cloud-sync/vault/format/blob-id.ts';
import { PackWriter } from '../../cloud-sync/vault/format/pack-writer.ts';
import { Sealer } from '../../cloud-sync/vault/format/sealer.ts';
import type { PackContents, Repository } from '../../cloud-sync/vault/repository.ts';
import type { RestoreRequest } from '../../cloud-sync/vault/restore/restore-request.ts';
import { restoreSnapshot } from '../../cloud-sync/vault/restore/restore-snapshot.ts';
import { silentLogger } from '../../lib/logger.ts';
import { temporaryFolder } from '../support/cli.ts';
import { createMemoryRepository } from '../support/memory-repository.ts';
import { treeEntries, type TreeEntries } from '../support/tree-entries.ts';

/** Whoever holds the key may put anything into trees: restic's JSON as a stranger would write it. */
type RawNode = Readonly<Record<string, unknown>>;

const signal = AbortSignal.timeout(600_000);
let world: Awaited<ReturnType<typeof temporaryFolder>>;
let repository: Repository;
let outside: TreeEntries;
const packs: PackContents[] = [];

beforeEach(async () => {
  world = await temporaryFolder();
  ({ repository } = await createMemoryRepository());
  packs.length = 0;
  await mkdir(join(world.path, 'outside'));
  await writeFile(join(world.path, 'outside', 'victim'), 'untouched');
  outside = treeEntries(join(world.path, 'outside'));
});

afterEach(async () => {
  // Whatever the tree was: nothing beside the target came, went or changed.
  expect(treeEntries(join(world.path, 'outside'))).toEqual(outside);
  expect((await readdir(world.path)).sort()).toEqual(['outside', 'target']);
  await world[Symbol.asyncDispose]();
});

async function add(type: BlobType, plain: Buffer): Promise<BlobId> {
  const sealer = new Sealer(repository.key);
  const writer = new PackWriter({ memory: Buffer.allocUnsafeSlow(65_536) });
  const id = blobIdOf(plain);
  writer.add({ id, type, ...encodeBlob(sealer, plain, 3) });
  const { name, bytes, contents } = writer.finish(sealer);
  await repository.backend.write('data', name, bytes, { signal });
  packs.push(contents);
  return id;
}

const tree = (nodes: readonly RawNode[]) => add('tree', Buffer.from(JSON.stringify({ nodes })));
const file = async (name: string, text: string, rest: RawNode = {}): Promise<RawNode> =>
  node(name, 'file', { content: [await add('data', Buffer.from(text))], ...rest });
const link = (name: string, target: string): RawNode => node(name, 'symlink', { linktarget: target });

function node(name: string, type: string, rest: RawNode): RawNode {
  const time = '2026-11-21T12:00:00Z';
  return {
    name,
    type,
    mode: 0o755,
    mtime: time,
    atime: time,
    ctime: time,
    uid: 0,
    gid: 0,
    inode: 1,
    ...rest,
  };
}

async function restore(nodes: readonly RawNode[], options: Partial<RestoreRequest> = {}) {
  const document = {
    time: '2026-11-21T12:00:00Z',
    paths: ['/x'],
    hostname: 'h',
    username: 'u',
    uid: 0,
    gid: 0,
  };
  const root = await tree(nodes);
  await repository.addIndex(packs, { signal });
  const snapshot = await repository.addSnapshot(
    { ...document, tree: root, tags: [], excludes: [] },
    { signal },
  );
  const target = join(world.path, 'target');
  return restoreSnapshot({
    repository,
    snapshot,
    target,
    owners: false,
    logger: silentLogger,
    signal,
    ...options,
  });
}

describe('a tree that would lead out of the target', () => {
  it.each(['..', '.', '', '../outside/victim', '/etc/passwd', 'a/b', 'nul\\u0000'])(
    'cannot by the name %j',
    async (name) => {
      const folder = node('folder', 'dir', { subtree: await tree([await file(name, 'overwritten')]) });
      const { problems, placed } = await restore([folder, await file('good', 'good')]);
      expect(placed).toBe(true);
      expect(problems).toMatchObject([{ path: expect.stringMatching(/^\/folder/), code: 'damaged' }]);
      expect(await readFile(join(world.path, 'target', 'good'), 'utf8')).toBe('good');
      expect(await readdir(join(world.path, 'target'))).not.toContain('etc');
    },
  );

  it('cannot by a link and a folder of one name', async () => {
    const inside = await tree([await file('victim', 'overwritten')]);
    const twice = [link('x', join(world.path, 'outside')), node('x', 'dir', { subtree: inside })];
    for (const nodes of [twice, twice.toReversed()]) {
      const folder = node('folder', 'dir', { subtree: await tree(nodes) });
      const { problems } = await restore([folder], { replace: true, allowDamaged: true });
      expect(problems).toMatchObject([{ path: '/folder', code: 'damaged' }]);
    }
  });

  it('cannot by a link’s name in other text for the same bytes', async () => {
    const inside = await tree([await file('victim', 'overwritten')]);
    const twice = [link('é', join(world.path, 'outside')), node('\\xc3\\xa9', 'dir', { subtree: inside })];
    const { problems } = await restore([node('folder', 'dir', { subtree: await tree(twice) })]);
    expect(problems).toMatchObject([{ path: '/folder', code: 'damaged' }]);
  });

  it('cannot by a link that the same restore made before it was cut short', async () => {
    const inside = await tree([await file('victim', 'overwritten')]);
    const nodes = [node('x', 'dir', { subtree: inside }), link('y', join(world.path, 'outside'))];
    const late = new AbortController();
    const cut = restore(nodes, {
      signal: late.signal,
      onProgress: ({ phase }) => phase === 'finishing' && late.abort(new Error('cut short')),
    });
    await expect(cut).rejects.toThrow('cut short');
    expect((await restore(nodes)).problems).toEqual([]);
    expect((await readdir(join(world.path, 'target'))).sort()).toEqual(['x', 'y']);
  });

  it('cannot by a hard link to a name of another kind', async () => {
    const shared = { links: 2, inode: 9, device_id: 3 };
    const nodes = [
      { ...link('a', join(world.path, 'outside', 'victim')), ...shared },
      await file('b', 'overwritten', shared),
    ];
    expect((await restore(nodes)).problems).toEqual([]);
    expect(await readFile(join(world.path, 'target', 'b'), 'utf8')).toBe('overwritten');
  });
});

it('a file cannot have another owner’s rights where owners are not restored', async () => {
  const setUser = 1 << 23;
  const nodes = [
    await file('suid', 'x', { uid: 4321, mode: 0o755 | setUser }),
    await file('plain', 'y', { mode: 0o644 }),
  ];
  await restore(nodes);
  const modes = treeEntries(join(world.path, 'target'));
  expect(modes.get('/suid')).toMatch(/^100755 /);
  expect(modes.get('/plain')).toMatch(/^100644 /);
});

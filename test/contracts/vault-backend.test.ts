import { hash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { VaultBackend } from '../../cloud-sync/vault/backend/backend.ts';
import { openFolderBackend } from '../../cloud-sync/vault/backend/folder-backend.ts';
import { openRestBackend } from '../../cloud-sync/vault/backend/rest-backend.ts';
import { temporaryFolder } from '../support/cli.ts';
import { startCloud } from '../support/cloud.ts';
import { hasPeer } from '../support/has-peer.ts';
import { startRclone } from '../support/rest-servers.ts';

type Kept = AsyncDisposable & { readonly backend: VaultBackend };
type Adapter = {
  readonly name: string;
  readonly open: () => Promise<Kept>;
  /** What this credential may remove. */
  readonly removes: 'everything' | 'locks';
  /** Whether it says when it received a file. */
  readonly tellsTime: boolean;
  readonly needs?: string;
};

const url = (server: string) => openRestBackend({ url: server });

const adapters: readonly Adapter[] = [
  { name: 'a folder', removes: 'everything', tellsTime: true, open: () => openFolder() },
  { name: 'a control plane, as the device', removes: 'locks', tellsTime: true, open: () => openCloud({}) },
  {
    ...{ name: 'a control plane, within a grant', removes: 'everything', tellsTime: true },
    open: () => openCloud({ granted: true }),
  },
  {
    ...{ name: 'rclone', removes: 'everything', tellsTime: false, needs: 'rclone' },
    open: () => openRclone(),
  },
  {
    ...{ name: 'rclone --append-only', removes: 'locks', tellsTime: false, needs: 'rclone' },
    open: () => openRclone('--append-only'),
  },
];

async function openFolder(): Promise<Kept> {
  await using opening = new AsyncDisposableStack();
  const { path } = opening.use(await temporaryFolder());
  const backend = opening.use(openFolderBackend(join(path, 'repository')));
  const open = opening.move();
  return { backend, [Symbol.asyncDispose]: () => open.disposeAsync() };
}

async function openCloud({ granted = false }): Promise<Kept> {
  await using opening = new AsyncDisposableStack();
  const cloud = opening.use(await startCloud());
  const { identity } = opening.use(await cloud.enrol('kiosk-1'));
  if (granted) await cloud.operator.grantVault('kiosk-1', { forMs: 3_600_000 });
  const { ca, certificate, key } = identity;
  const credential = granted ? { token: cloud.plane.operatorToken } : { identity: { certificate, key } };
  const backend = opening.use(
    openRestBackend({ url: `${cloud.plane.url}/vault/kiosk-1/`, ca, ...credential }),
  );
  const open = opening.move();
  return { backend, [Symbol.asyncDispose]: () => open.disposeAsync() };
}

async function openRclone(...options: string[]): Promise<Kept> {
  await using opening = new AsyncDisposableStack();
  const server = opening.use(await startRclone(...options));
  const backend = opening.use(url(server.url));
  const open = opening.move();
  return { backend, [Symbol.asyncDispose]: () => open.disposeAsync() };
}

const { signal } = new AbortController();
const nameOf = (bytes: Uint8Array) => hash('sha256', bytes, 'hex');
const types = ['keys', 'data', 'index', 'snapshots', 'locks'] as const;

describe.each(adapters)('$name', ({ open, removes, tellsTime, needs }) => {
  const it = needs === undefined || hasPeer(needs) ? test : test.skip;
  let kept: Kept | undefined;
  const backend = (): VaultBackend => {
    if (!kept) throw new Error('The backend is not open');
    return kept.backend;
  };

  beforeAll(async () => {
    if (needs === undefined || hasPeer(needs)) kept = await open();
  }, 60_000);
  afterAll(async () => {
    await kept?.[Symbol.asyncDispose]();
  }, 60_000);

  async function write(type: (typeof types)[number], size = 100): Promise<{ name: string; bytes: Buffer }> {
    const bytes = randomBytes(size);
    const name = nameOf(bytes);
    await backend().write(type, name, bytes, { signal });
    return { name, bytes };
  }

  it('has nothing before and after it is made, however often', async () => {
    for (const type of types) await expect(backend().list(type, { signal })).resolves.toEqual([]);
    await backend().create({ signal });
    await backend().create({ signal });
    for (const type of types) await expect(backend().list(type, { signal })).resolves.toEqual([]);
    await expect(backend().read('config', '', { signal })).rejects.toMatchObject({ code: 'notFound' });
  }, 60_000);

  it.each(types)(
    'gives back and lists what was written to %s',
    async (type) => {
      const before = Date.now();
      const { name, bytes } = await write(type);
      await expect(backend().read(type, name, { signal })).resolves.toEqual(bytes);
      const [listed] = (await backend().list(type, { signal })).filter((file) => file.name === name);
      expect(listed).toMatchObject({ name, bytes: 100 });
      if (tellsTime) expect(Math.abs((listed?.receivedMs ?? 0) - before)).toBeLessThan(60_000);
      else expect(listed?.receivedMs).toBeNull();
    },
    60_000,
  );

  it('reads parts of a file, and says so when it ends before the part does', async () => {
    const { name, bytes } = await write('data', 300_000);
    const part = (offset: number, length: number) =>
      backend().read('data', name, { signal, range: { offset, length } });
    await expect(part(0, 1)).resolves.toEqual(bytes.subarray(0, 1));
    await expect(part(70_000, 130_001)).resolves.toEqual(bytes.subarray(70_000, 200_001));
    await expect(part(299_999, 1)).resolves.toEqual(bytes.subarray(299_999));
    await expect(part(299_999, 2)).rejects.toMatchObject({ code: 'corrupt' });
    await expect(part(300_000, 1)).rejects.toMatchObject({ code: 'corrupt' });
    await expect(part(400_000, 10)).rejects.toMatchObject({ code: 'corrupt' });
  }, 60_000);

  it('carries a file of the size of a pack', async () => {
    const { name, bytes } = await write('data', 18 * 2 ** 20);
    expect((await backend().read('data', name, { signal })).equals(bytes)).toBe(true);
  }, 60_000);

  it('refuses to read more than the caller allows', async () => {
    const { name } = await write('index', 5000);
    await expect(backend().read('index', name, { signal, maxBytes: 4999 })).rejects.toMatchObject({
      code: 'tooLarge',
    });
  }, 60_000);

  it('knows no file of another name', async () => {
    const name = nameOf(randomBytes(8));
    await expect(backend().read('data', name, { signal })).rejects.toMatchObject({ code: 'notFound' });
    const range = { offset: 0, length: 4 };
    await expect(backend().read('data', name, { signal, range })).rejects.toMatchObject({ code: 'notFound' });
  }, 60_000);

  it('never overwrites', async () => {
    const { name, bytes } = await write('snapshots');
    await expect(backend().write('snapshots', name, bytes, { signal })).rejects.toMatchObject({
      code: 'conflict',
    });
    await backend().write('config', '', Buffer.from('first'), { signal });
    await expect(backend().write('config', '', Buffer.from('other'), { signal })).rejects.toMatchObject({
      code: 'conflict',
    });
    await expect(backend().read('config', '', { signal })).resolves.toEqual(Buffer.from('first'));
  }, 60_000);

  it('removes locks, and removing one that is not there is no error', async () => {
    const { name } = await write('locks');
    await backend().remove('locks', name, { signal });
    await backend().remove('locks', name, { signal });
    await expect(backend().read('locks', name, { signal })).rejects.toMatchObject({ code: 'notFound' });
    expect((await backend().list('locks', { signal })).map((file) => file.name)).not.toContain(name);
  }, 60_000);

  it.each(['keys', 'data', 'index', 'snapshots'] as const)(
    removes === 'everything' ? 'removes files of %s' : 'removes no files of %s',
    async (type) => {
      const { name } = await write(type);
      const removal = backend().remove(type, name, { signal });
      if (removes === 'everything') await removal;
      else await expect(removal).rejects.toMatchObject({ code: 'forbidden' });
      const names = (await backend().list(type, { signal })).map((file) => file.name);
      expect(names.includes(name)).toBe(removes === 'locks');
    },
    60_000,
  );

  it('leaves nothing of a write that is given up', async () => {
    const bytes = randomBytes(32 * 2 ** 20);
    const stop = new AbortController();
    const writing = backend().write('data', nameOf(bytes), bytes, { signal: stop.signal });
    stop.abort(new Error('given up'));
    await expect(writing).rejects.toThrow('given up');
    await expect(backend().read('data', nameOf(bytes), { signal })).rejects.toMatchObject({
      code: 'notFound',
    });
  }, 60_000);

  it('rejects with the reason of a signal that has come before', async () => {
    const gone = AbortSignal.abort(new Error('too late'));
    await expect(backend().list('data', { signal: gone })).rejects.toThrow('too late');
    await expect(backend().read('config', '', { signal: gone })).rejects.toThrow('too late');
    await expect(backend().remove('locks', nameOf(Buffer.of()), { signal: gone })).rejects.toThrow(
      'too late',
    );
  }, 60_000);
});

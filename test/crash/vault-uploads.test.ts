import { hash, randomBytes } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { ControlPlaneClient } from '../../cloud-sync/protocol/control-plane-client.ts';
import type { StoredFile } from '../../cloud-sync/vault/backend/backend.ts';
import { openRestBackend } from '../../cloud-sync/vault/backend/rest-backend.ts';
import { createHttpsClient } from '../../lib/https-client.ts';
import { startDaemon, temporaryFolder } from '../support/cli.ts';
import { eventually } from '../support/cloud.ts';

const kills = 3;
const { signal } = new AbortController();
const never = { attempts: 1, minDelayMs: 1, maxDelayMs: 1 };

async function partialBytes(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => []);
  const sizes = names.map(async (file) => (await stat(join(folder, file)).catch(() => undefined))?.size ?? 0);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

test('[G1] a cloud killed within uploads has what it answered for, and nothing half under its name', async () => {
  await using stack = new AsyncDisposableStack();
  const { path: folder } = stack.use(await temporaryFolder());
  const start = () => startDaemon(['cloud', 'up', '--folder', folder]);
  let cloud = await start();
  stack.defer(() => cloud[Symbol.asyncDispose]());
  const file: unknown = JSON.parse(await readFile(join(folder, 'operator.json'), 'utf8'));
  const { url, token, ca } = file as Record<'url' | 'token' | 'ca', string>;
  const operator = new ControlPlaneClient({ http: stack.use(createHttpsClient({ ca })), url, token });
  await operator.createEnrolmentToken({ device: 'a' });
  const backend = stack.use(openRestBackend({ url: `${url}/vault/a/`, ca, token, retry: never }));
  const answered = new Map<string, StoredFile | undefined>();

  async function send(bytes: Buffer): Promise<void> {
    const name = hash('sha256', bytes, 'hex');
    await backend.write('data', name, bytes, { signal });
    answered.set(name, undefined);
  }

  for (let kill = 0; kill < kills; kill++) {
    // Small ones are under way one after the other when the large one is cut off.
    const small = (async () => {
      for (;;) await send(randomBytes(1000));
    })();
    const large = send(randomBytes(48 * 2 ** 20));
    const ended = Promise.allSettled([small, large]);
    await eventually(
      async () => (await partialBytes(join(folder, 'vault/a/.partial'))) > (kill + 1) * 2 ** 20,
    );
    await cloud.stop('SIGKILL');
    const [, cut] = await ended;
    expect(cut).toMatchObject({ status: 'rejected', reason: { code: 'network', transient: true } });
    cloud = await start();

    const listed = await backend.list('data', { signal });
    const byName = new Map(listed.map((stored) => [stored.name, stored]));
    expect([...answered.keys()].filter((name) => !byName.has(name))).toEqual([]);
    for (const { name } of listed) {
      const bytes = await backend.read('data', name, { signal });
      expect(hash('sha256', bytes, 'hex')).toBe(name);
      // What was told of an earlier file stays as it was told.
      const before = answered.get(name);
      if (before) expect(byName.get(name)).toEqual(before);
      answered.set(name, byName.get(name));
    }
    await expect(readdir(join(folder, 'vault/a/.partial'))).rejects.toMatchObject({ code: 'ENOENT' });
    const { bytes, files } = await operator.vault('a');
    expect({ bytes, count: files.data.count }).toEqual({
      bytes: listed.reduce((sum, stored) => sum + stored.bytes, 0),
      count: listed.length,
    });
  }
  expect(answered.size).toBeGreaterThan(0);
}, 180_000);

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ControlClient } from '../../agent/control/client.ts';
import { controlSocketPath } from '../../agent/control/protocol.ts';
import { startControlServer } from '../../agent/control/server.ts';
import type { SnapshotLine } from '../../agent/control/vault-protocol.ts';
import type { VaultDesk } from '../../agent/control/vault-routes.ts';
import { SyncError } from '../../cloud-sync/errors.ts';
import type { SnapshotOutcome, SnapshotProgress } from '../../cloud-sync/vault/snapshot/snapshot-request.ts';
import { FakeDesk, noApps, noGenerations, noStreams, noVault } from '../support/function-desk.ts';

const { signal } = new AbortController();
const outcome: SnapshotOutcome = {
  ...{ id: 'a'.repeat(64), parent: null, skipped: false, files: { new: 1, changed: 0, unmodified: 0 } },
  ...{ folders: 0, totalBytes: 9, newBytes: 9, storedBytes: 9, durationMs: 1, problems: [], problemCount: 0 },
};
const progress: SnapshotProgress = {
  ...{ filesDone: 1, bytesDone: 2, filesTotal: null, bytesTotal: null },
  ...{ bytesAdded: 3, bytesPerSecond: 4, remainingMs: null },
};

let root: string;
let stack: AsyncDisposableStack;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'holdfast-control-'));
  stack = new AsyncDisposableStack();
  stack.defer(() => rm(root, { recursive: true, force: true }));
});
afterEach(() => stack.disposeAsync());

async function clientOf(vault: Partial<VaultDesk>): Promise<ControlClient> {
  const refuse = () => Promise.reject(new Error('not asked for'));
  stack.use(
    await startControlServer({
      path: controlSocketPath(root),
      status: () => {
        throw new Error('not asked for');
      },
      ...{ invoke: refuse, plan: refuse, functions: new FakeDesk(), streams: noStreams },
      vault: { ...noVault, ...vault },
      apps: noApps,
      generations: noGenerations,
      secrets: {
        store: { list: () => Promise.resolve([]), set: refuse, remove: refuse },
        uses: () => new Map(),
      },
      metrics: { snapshot: () => [], text: () => '' },
      logs: { recent: () => [], follow: () => () => undefined },
    }),
  );
  return stack.use(ControlClient.forRoot(root));
}

async function linesOf(lines: AsyncIterable<SnapshotLine>): Promise<SnapshotLine[]> {
  const all: SnapshotLine[] = [];
  for await (const line of lines) all.push(line);
  return all;
}

describe('the vault over the control socket', () => {
  test('snapshots one volume after the other, and the trouble of one does not keep the next waiting', async () => {
    const client = await clientOf({
      volumes: ['one', 'two'],
      snapshotVolume: (name, { onProgress }) => {
        onProgress?.(progress);
        return name === 'one'
          ? Promise.reject(new SyncError('locked', 'Somebody prunes', { hint: 'Wait.' }))
          : Promise.resolve(outcome);
      },
    });
    expect(await linesOf(client.vault.snapshot({}, signal))).toEqual([
      { volume: 'one', progress },
      { volume: 'one', problem: { code: 'locked', message: 'Somebody prunes', hint: 'Wait.' } },
      { volume: 'two', progress },
      { volume: 'two', outcome },
    ]);
  });

  test('ends a snapshot whose caller goes, and does not begin the next', async () => {
    const asked: string[] = [];
    const ended = Promise.withResolvers<undefined>();
    const leaving = new AbortController();
    const client = await clientOf({
      volumes: ['one', 'two'],
      snapshotVolume: (name, { signal: gone }) => {
        asked.push(name);
        leaving.abort();
        return new Promise((_resolve, reject) => {
          gone.addEventListener('abort', () => {
            ended.resolve(undefined);
            reject(gone.reason as Error);
          });
        });
      },
    });
    await linesOf(client.vault.snapshot({}, leaving.signal)).catch(() => []);
    await ended.promise;
    await new Promise(setImmediate);
    expect(asked).toEqual(['one']);
  });

  test('forgets, prunes and checks, telling how far it is', async () => {
    const seen: unknown[] = [];
    const client = await clientOf({
      upkeep: (task, _reason, { onStep }) => {
        seen.push(task);
        onStep?.({ done: 1, total: 2, message: 'packs' });
        if (task.kind === 'prune')
          return Promise.reject(new SyncError('forbidden', 'Nothing may be removed'));
        return Promise.resolve({ did: 'check', snapshots: 3, damage: [], damageCount: 0 });
      },
    });
    const onProgress = (step: unknown) => seen.push(step);
    const check = { do: 'check', readData: { part: 1, of: 4 } } as const;
    expect(await client.vault.upkeep(check, { signal, onProgress })).toMatchObject({ snapshots: 3 });
    expect(seen).toEqual([
      { kind: 'check', readData: { part: 1, of: 4 } },
      { done: 1, total: 2, message: 'packs' },
    ]);
    await expect(client.vault.upkeep({ do: 'prune' }, { signal })).rejects.toMatchObject({
      message: 'Nothing may be removed',
      cause: { code: 'forbidden' },
    });
  });

  test('lists, adds and removes key slots, and trusts an owner', async () => {
    const slot = {
      name: 'b'.repeat(64),
      kind: 'device',
      user: 'holdfast',
      host: 'kiosk-1',
      created: '2026',
      inUse: true,
    } as const;
    const seen: unknown[] = [];
    const client = await clientOf({
      keys: (task) => {
        seen.push(task);
        const added = {
          name: slot.name,
          ...(task.kind === 'addRecoveryCode' && { recoveryCode: 'zoo zoo' }),
        };
        return Promise.resolve(
          task.kind.startsWith('add') ? { kind: 'keyAdded', added } : { kind: 'keys', slots: [slot] },
        );
      },
      trustOwner: (fingerprint) => Promise.resolve(fingerprint),
    });
    expect(await client.vault.keys(signal)).toEqual([slot]);
    expect(await client.vault.addRecoveryCode(signal)).toEqual({ name: slot.name, recoveryCode: 'zoo zoo' });
    expect(await client.vault.addPassphrase('geheim', signal)).toEqual({ name: slot.name });
    expect(await client.vault.removeKey('bbbb', signal)).toEqual([slot]);
    expect(seen).toEqual([
      ...[{ kind: 'listKeys' }, { kind: 'addRecoveryCode' }, { kind: 'addPassphrase', passphrase: 'geheim' }],
      { kind: 'removeKey', name: 'bbbb' },
    ]);
    expect(await client.vault.trustOwner('1234', signal)).toBe('1234');
  });

  test('tells its state and jobs, and refuses what is not of the protocol', async () => {
    const client = await clientOf({});
    expect(await client.vault.status(signal)).toEqual(noVault.status());
    expect(await client.vault.jobs(signal)).toEqual([]);
    const bad = client.vault.upkeep({ do: 'check', readData: { part: 5, of: 4 } }, { signal });
    await expect(bad).rejects.toMatchObject({ cause: { code: 'badRequest' } });
    await expect(client.vault.addPassphrase('', signal)).rejects.toMatchObject({
      cause: { code: 'badRequest' },
    });
  });
});

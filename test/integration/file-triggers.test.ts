import { mkdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, jest, test } from '@jest/globals';
import { LocalStore } from '../../agent/streams/local-store.ts';
import { VolumeFiles, type VolumeFilesOptions } from '../../agent/triggers/volume-files.ts';
import { walkFiles } from '../../agent/triggers/walk-files.ts';
import type { InvocationEvent } from '../../agent/triggers/ports.ts';
import { silentLogger } from '../../lib/logger.ts';
import {
  bundlesOf,
  eventually,
  machineWith,
  openDevice,
  temporaryFolder,
  type Device,
} from '../support/data-plane.ts';

jest.setTimeout(120_000);

/** What the function `fn` was told, as `change path size`. */
function teller() {
  const told: string[] = [];
  const handlers = {
    fn: (event: InvocationEvent): void => {
      if (event.kind !== 'file') throw new Error(event.kind);
      told.push([event.change, event.path, event.size].join(' ').trimEnd());
    },
  };
  return { told, handlers, take: () => told.splice(0).sort() };
}

const sectionsWith = (glob: string, limits: object = {}) => ({
  volumes: { inbox: {} },
  functions: { fn: { on: [{ volume: 'inbox', path: glob }], limits } },
});
const inbox = (device: Device, ...path: string[]): string => join(device.root, 'volumes', 'inbox', ...path);

describe('files of a volume', () => {
  test('are told when they come, change and go, as the glob says', async () => {
    const { told, take, handlers } = teller();
    await using device = await openDevice(sectionsWith('**/*.csv'), { handlers });
    expect((await stat(inbox(device))).mode & 0o777).toBe(0o700);
    await writeFile(inbox(device, 'a.csv'), 'one');
    await writeFile(inbox(device, 'b.txt'), 'no');
    await eventually(() => told.length === 1);
    expect(take()).toEqual(['created a.csv 3']);
    await writeFile(inbox(device, 'a.csv'), 'three');
    await eventually(() => told.length === 1);
    expect(take()).toEqual(['modified a.csv 5']);
    await rm(inbox(device, 'a.csv'));
    await eventually(() => told.length === 1);
    expect(take()).toEqual(['deleted a.csv']);
  });

  test('in folders that come, move and go are told too', async () => {
    const { told, take, handlers } = teller();
    await using device = await openDevice(sectionsWith('**/*.csv'), { handlers });
    await mkdir(inbox(device, 'x/y'), { recursive: true });
    await writeFile(inbox(device, 'x/y/a.csv'), '1');
    await eventually(() => told.length === 1);
    expect(take()).toEqual(['created x/y/a.csv 1']);
    await rename(inbox(device, 'x'), inbox(device, 'z'));
    await eventually(() => told.length === 2);
    expect(take()).toEqual(['created z/y/a.csv 1', 'deleted x/y/a.csv']);
    // What was watched under the old name is watched under the new one.
    await writeFile(inbox(device, 'z/y/b.csv'), '22');
    await eventually(() => told.length === 1);
    expect(take()).toEqual(['created z/y/b.csv 2']);
    await rm(inbox(device, 'z'), { recursive: true });
    await eventually(() => told.length === 2);
    expect(take()).toEqual(['deleted z/y/a.csv', 'deleted z/y/b.csv']);
  });

  test('that came, changed and went while the agent was off are told at its start, once', async () => {
    await using folder = await temporaryFolder();
    const { told, take, handlers } = teller();
    const options = { handlers, root: folder.path };
    {
      await using device = await openDevice(sectionsWith('*'), options);
      for (const name of ['stays', 'changes', 'goes']) await writeFile(inbox(device, name), name);
      await eventually(() => told.length === 3);
      take();
    }
    const path = join(folder.path, 'volumes', 'inbox');
    await writeFile(join(path, 'changes'), 'changed');
    await rm(join(path, 'goes'));
    await writeFile(join(path, 'comes'), 'new');
    {
      await using _ = await openDevice(sectionsWith('*'), options);
      await eventually(() => told.length === 3);
      expect(take()).toEqual(['created comes 3', 'deleted goes', 'modified changes 7']);
    }
    await using _ = await openDevice(sectionsWith('*'), options);
    await writeFile(join(path, 'last'), 'x');
    await eventually(() => told.length === 1);
    expect(take()).toEqual(['created last 1']);
  });

  test('that are links, or behind links, are none', async () => {
    await using outside = await temporaryFolder();
    await writeFile(join(outside.path, 'secret'), 'x');
    const { told, take, handlers } = teller();
    await using device = await openDevice(sectionsWith('**'), { handlers });
    await symlink(outside.path, inbox(device, 'link'));
    await symlink(join(outside.path, 'secret'), inbox(device, 'file'));
    await writeFile(join(outside.path, 'more'), 'x');
    await writeFile(inbox(device, 'real'), 'x');
    await eventually(() => told.length === 1);
    expect(take()).toEqual(['created real 1']);
  });

  test('wait for room in the queue, and none is lost or told twice', async () => {
    const { told, take, handlers } = teller();
    await using device = await openDevice(sectionsWith('*', { queue: 7 }), { handlers });
    await device.plane.functions.pause('fn', 'to fill its queue');
    const names = Array.from({ length: 20 }, (_, index) => `f${index}`);
    for (const name of names) await writeFile(inbox(device, name), '');
    await eventually(() => device.plane.status().functions.fn?.queued === 7);
    await device.plane.functions.resume('fn');
    await eventually(() => told.length >= 20);
    expect(take()).toEqual(names.map((name) => `created ${name} 0`).sort());
    expect(device.plane.status().functions.fn?.deadLetters).toBe(0);
  });

  test('are new to a function that was gone for two generations, and to none that was gone for one', async () => {
    const { told, take, handlers } = teller();
    await using device = await openDevice(sectionsWith('*'), { handlers });
    await writeFile(inbox(device, 'a'), '');
    await eventually(() => told.length === 1);
    take();
    const [full, empty] = [
      await machineWith(sectionsWith('*')),
      await machineWith({ volumes: { inbox: {} } }),
    ];
    const configure = (machine: typeof full) => device.plane.configure(machine, bundlesOf(machine));
    await configure(empty);
    await configure(full);
    await writeFile(inbox(device, 'b'), '');
    await eventually(() => told.length === 1);
    expect(take()).toEqual(['created b 0']);
    await configure(empty);
    await configure(empty);
    await configure(full);
    await eventually(() => told.length === 2);
    expect(take()).toEqual(['created a 0', 'created b 0']);
  });

  test('are found again when somebody removed the whole folder', async () => {
    const { told, take, handlers } = teller();
    await using device = await openDevice(sectionsWith('*'), { handlers });
    await writeFile(inbox(device, 'a'), '');
    await eventually(() => told.length === 1);
    take();
    await rm(inbox(device), { recursive: true });
    await eventually(() => told.length === 1);
    expect(take()).toEqual(['deleted a']);
    await eventually(() =>
      stat(inbox(device)).then(
        () => true,
        () => false,
      ),
    );
    await writeFile(inbox(device, 'b'), '');
    await eventually(() => told.length === 1);
    expect(take()).toEqual(['created b 0']);
  });
});

describe('a volume', () => {
  async function volumeOn(root: string, change: Partial<VolumeFilesOptions>) {
    const stack = new AsyncDisposableStack();
    const store = stack.use(await LocalStore.open({ root, logger: silentLogger }));
    const files = stack.use(
      new VolumeFiles({
        ...{ volume: 'v', folder: join(root, 'v'), store, logger: silentLogger },
        ...{ now: () => new Date(), onChange: () => undefined },
        ...change,
      }),
    );
    files.configure([{ name: 'fn', globs: ['**'], capacity: 1000 }]);
    return { store, files, [Symbol.asyncDispose]: () => stack.disposeAsync() };
  }

  test('with more files than are looked at says so, and tells of the first ones', async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, 'v'));
    for (let count = 0; count < 12; count++) await writeFile(join(folder.path, 'v', `f${count}`), '');
    await using volume = await volumeOn(folder.path, { maxFiles: 10 });
    await eventually(() => volume.files.problem !== undefined);
    expect(volume.files.problem).toBe('The volume v has more than 10 files: the others are not looked at');
  });

  test('with more changes than are kept in memory has all of them told', async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, 'v'));
    for (let count = 0; count < 60; count++) await writeFile(join(folder.path, 'v', `f${count}`), '');
    await using volume = await volumeOn(folder.path, { maxPending: 20, settleMs: 20 });
    await eventually(() => volume.store.counts.queued('fn') === 60);
  });

  test('that is being written is told of when it has settled', async () => {
    await using folder = await temporaryFolder();
    await using volume = await volumeOn(folder.path, { settleMs: 400 });
    await eventually(() =>
      stat(join(folder.path, 'v')).then(
        () => true,
        () => false,
      ),
    );
    for (let size = 1; size <= 10; size++) {
      await writeFile(join(folder.path, 'v', 'growing'), 'x'.repeat(size));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await eventually(() => volume.store.counts.queued('fn') === 1);
    const { events } = await volume.store.nearEvents({
      ...{ function: 'fn', after: 0, now: Date.now(), ordered: true, forgiven: false, known: 0 },
    });
    const changes = events.map(({ payload }) => JSON.parse(Buffer.from(payload).toString()) as unknown);
    expect(changes).toEqual([{ path: 'growing', change: 'created', size: 10 }]);
  });
});

test('a walk is bounded in files, and ends when it is told to', async () => {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, 'a/b'), { recursive: true });
  for (const path of ['1', 'a/2', 'a/b/3']) await writeFile(join(folder.path, path), path);
  const { signal } = new AbortController();
  const whole = await walkFiles(folder.path, { maxFiles: 10, signal });
  expect([...whole.files.keys()].sort()).toEqual(['1', 'a/2', 'a/b/3']);
  expect(whole.isTruncated).toBe(false);
  const part = await walkFiles(folder.path, { maxFiles: 2, signal });
  expect([part.files.size, part.isTruncated]).toEqual([2, true]);
  await expect(walkFiles(folder.path, { maxFiles: 9, signal: AbortSignal.abort() })).rejects.toMatchObject({
    name: 'AbortError',
  });
  await expect(walkFiles(join(folder.path, 'none'), { maxFiles: 9, signal })).rejects.toMatchObject({
    code: 'ENOENT',
  });
});

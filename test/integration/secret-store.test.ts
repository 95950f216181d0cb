import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { SecretStore } from '../../agent/outside/secret-store.ts';
import { temporaryFolder } from '../support/data-plane.ts';

test('a secret is kept over restarts, in a file of its own that only the owner may read', async () => {
  await using folder = await temporaryFolder();
  const store = await SecretStore.open(folder.path);
  await store.set('weather-key', 'dürfen nur wir\n');
  expect((await stat(join(folder.path, 'secrets'))).mode & 0o777).toBe(0o700);
  expect((await stat(join(folder.path, 'secrets', 'weather-key'))).mode & 0o777).toBe(0o600);
  const again = await SecretStore.open(folder.path);
  expect(await again.get('weather-key')).toBe('dürfen nur wir\n');
  expect(await again.get('other')).toBeUndefined();
});

test('secrets are listed by name with the time they were set, without values', async () => {
  await using folder = await temporaryFolder();
  const store = await SecretStore.open(folder.path);
  await store.set('b', 'value-of-b');
  await store.set('a', 'value-of-a');
  const listed = await store.list();
  expect(listed.map(({ name }) => name)).toEqual(['a', 'b']);
  expect(listed.every(({ set }) => Math.abs(Date.now() - Date.parse(set)) < 60_000)).toBe(true);
  expect(JSON.stringify(listed)).not.toContain('value-of');
});

test('whoever listens hears of a secret that was set or removed, until it stops listening', async () => {
  await using folder = await temporaryFolder();
  const store = await SecretStore.open(folder.path);
  const heard: string[] = [];
  const stop = store.onChange((name) => heard.push(name));
  await store.set('a', '1');
  await store.set('a', '2');
  expect(await store.remove('a')).toBe(true);
  expect(await store.remove('a')).toBe(false);
  stop();
  await store.set('b', '1');
  expect(heard).toEqual(['a', 'a', 'a']);
});

test.each(['../identity/key', 'A', '', 'a/b', '.', 'a.tmp', 'x'.repeat(64)])(
  'the name %j is refused and touches no file',
  async (name) => {
    await using folder = await temporaryFolder();
    const store = await SecretStore.open(folder.path);
    await expect(store.set(name, 'x')).rejects.toMatchObject({ code: 'badInput' });
    await expect(store.get(name)).rejects.toMatchObject({ code: 'badInput' });
    await expect(store.remove(name)).rejects.toMatchObject({ code: 'badInput' });
    expect(await readdir(join(folder.path, 'secrets'))).toEqual([]);
  },
);

test('a value that is empty or larger than 64 KiB is refused, and the one before stays', async () => {
  await using folder = await temporaryFolder();
  const store = await SecretStore.open(folder.path);
  await store.set('a', 'before');
  await expect(store.set('a', '')).rejects.toMatchObject({ code: 'badInput' });
  await expect(store.set('a', 'ü'.repeat(32 * 1024 + 1))).rejects.toMatchObject({ code: 'tooLarge' });
  expect(await store.get('a')).toBe('before');
});

test('a file that is no text is reported as corrupt, not handed out', async () => {
  await using folder = await temporaryFolder();
  const store = await SecretStore.open(folder.path);
  await writeFile(join(folder.path, 'secrets', 'a'), Uint8Array.of(0xff, 0xfe));
  await expect(store.get('a')).rejects.toMatchObject({ code: 'corrupt' });
});

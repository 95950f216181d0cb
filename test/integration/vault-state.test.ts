import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { emptyVaultState, readVaultState, VaultStateStore } from '../../agent/vault/vault-state.ts';
import { digestOf } from '../../lib/digest.ts';
import { createLogger } from '../../lib/logger.ts';

let root: string;
let path: string;
const logged: string[] = [];
const logger = createLogger(({ event }) => logged.push(event));

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'holdfast-vault-state-'));
  path = join(root, 'vault/state.json');
  await mkdir(join(root, 'vault'));
  logged.length = 0;
});
afterEach(() => rm(root, { recursive: true, force: true }));

test('what a newer agent knows of the vault is refused, and left as it is: the owner it trusts is in it [G7]', async () => {
  const repository = { location: '/srv/vault', id: 'f'.repeat(64), shelf: 3 };
  const data = { ...emptyVaultState, repository, trustedOwner: 'key' };
  const newer = JSON.stringify({ checksum: digestOf(JSON.stringify(data)), data });
  await writeFile(path, newer);
  const refused = {
    code: 'unsupported',
    message: `The state file ${path} is of a newer agent: this one does not know its repository.shelf`,
    hint: 'Run the newer agent again.',
  };
  await expect(VaultStateStore.open(root, logger)).rejects.toMatchObject(refused);
  await expect(readVaultState(root)).rejects.toMatchObject(refused);
  expect([await readFile(path, 'utf8'), await readdir(join(root, 'vault'))]).toEqual([newer, ['state.json']]);
});

test('one that is broken is set aside, and the vault begins with what its repository tells', async () => {
  await writeFile(path, 'x');
  expect((await VaultStateStore.open(root, logger)).state).toEqual(emptyVaultState);
  expect([logged, await readdir(join(root, 'vault'))]).toEqual([
    ['vault.state.setAside'],
    ['state.json.broken'],
  ]);
});

test('one that is broken, and so is the copy before it, is set aside with it: the next start finds neither', async () => {
  await writeFile(path, 'x');
  await writeFile(`${path}.previous`, 'y');
  for (const logs of [['vault.state.setAside'], []]) {
    logged.length = 0;
    expect((await VaultStateStore.open(root, logger)).state).toEqual(emptyVaultState);
    expect([logged, (await readdir(join(root, 'vault'))).sort()]).toEqual([
      logs,
      ['state.json.broken', 'state.json.previous.broken'],
    ]);
  }
});

test('a broken copy that is alone is set aside as well', async () => {
  await writeFile(`${path}.previous`, 'y');
  expect((await VaultStateStore.open(root, logger)).state).toEqual(emptyVaultState);
  expect(await readdir(join(root, 'vault'))).toEqual(['state.json.previous.broken']);
});

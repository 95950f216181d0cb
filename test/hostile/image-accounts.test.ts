import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { readAccounts } from '../../agent/apps/supervise/read-accounts.ts';

let tree: string;

beforeEach(() => {
  tree = mkdtempSync(join(tmpdir(), 'holdfast-accounts-'));
  mkdirSync(join(tree, 'etc'));
});
afterEach(() => rmSync(tree, { recursive: true }));

test('an image whose list of accounts is a fifo holds nobody up', async () => {
  execFileSync('mkfifo', [join(tree, 'etc/passwd')]);
  writeFileSync(join(tree, 'etc/group'), 'staff:x:50:\n');
  expect(await readAccounts(tree)).toEqual({ passwd: '', group: 'staff:x:50:\n' });
});

test('an image whose list of accounts is a link to the outside has that of the image', async () => {
  writeFileSync(join(tree, 'passwd'), 'own:x:7:7::/:\n');
  symlinkSync('../../../../../../passwd', join(tree, 'etc/passwd'));
  expect((await readAccounts(tree)).passwd).toBe('own:x:7:7::/:\n');
});

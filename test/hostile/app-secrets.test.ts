import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect } from '@jest/globals';
import { SecretsFolder } from '../../agent/apps/supervise/secrets-folder.ts';
import { peerTest, type Peer } from '../support/peers.ts';

const root: Peer = { name: 'root', probe: ['sh', '-c', 'test "$(id -u)" = 0'] };
const user = { uid: 12_345, gid: 12_345, groups: [] };
const values = new Map([['key', 'secret']]);

let folder: string;
let secrets: SecretsFolder;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-secrets-'));
  chmodSync(folder, 0o755);
  secrets = await SecretsFolder.open(folder);
});
afterEach(async () => {
  await secrets.remove('web');
  rmSync(folder, { recursive: true });
});

/** Of whom the app runs as, and whoever else is that user of the machine. */
const asUser = { uid: user.uid, gid: user.gid, stdio: 'ignore', cwd: '/' } as const;

peerTest([root], 'a secret that its app replaces by a fifo holds nobody up', async () => {
  await secrets.write('web', values, user);
  expect(await secrets.holds('web', values)).toBe(true);
  const own = join(secrets.path, 'web');
  execFileSync('sh', ['-c', 'chmod 700 "$0"; rm -f "$0/key"; mkfifo -m 600 "$0/key"', own], asUser);
  expect(await secrets.holds('web', values)).toBe(false);
  await secrets.remove('web');
  expect(existsSync(own)).toBe(false);
});

/** Puts a link to the victim wherever it can, as quickly as it can. That user need not get to where node lies: it becomes one when it runs. */
const swapper = `
process.setgroups([]);
process.setgid(${user.gid});
process.setuid(${user.uid});
const { readdirSync, symlinkSync, unlinkSync, chmodSync } = require('node:fs');
const [folder, victim] = process.argv.slice(1);
process.stdout.write('ready');
for (;;) {
  try {
    chmodSync(folder, 0o700);
    unlinkSync(folder + '/key');
    symlinkSync(victim, folder + '/key');
  } catch {}
}`;

peerTest([root], 'whoever is the user of an app gets no other file by its secrets', async () => {
  const victim = join(folder, 'of-root');
  writeFileSync(victim, 'of root alone', { mode: 0o600 });
  const args = ['-e', swapper, join(secrets.path, 'web'), victim];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    await once(child.stdout, 'data');
    for (let round = 0; round < 200; round += 1) {
      await secrets.write('web', values, user);
      expect(statSync(victim).uid).toBe(0);
    }
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
});

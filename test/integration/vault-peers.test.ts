import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect } from '@jest/globals';
import { temporaryFolder } from '../support/cli.ts';
import { startCloud } from '../support/cloud.ts';
import { peerTest } from '../support/peers.ts';

type Said = { readonly code: number | null; readonly text: string };
type Restic = {
  /** Runs restic to its end, or until it says `until`. */
  readonly run: (args: readonly string[], options?: { readonly until?: RegExp }) => Promise<Said>;
};

/** Debian's restic with a repository and a credential, as a person would call it. */
function resticOf(env: Readonly<Record<string, string>>, ...always: readonly string[]): Restic {
  return {
    run: async (args, { until } = {}) => {
      const child = spawn('restic', [...args, ...always, '--no-cache'], {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, ...env, RESTIC_PASSWORD: 'a passphrase' },
      });
      const lines: string[] = [];
      for (const input of [child.stdout, child.stderr]) {
        createInterface({ input }).on('line', (line) => {
          lines.push(line);
          if (until?.test(line)) child.kill();
        });
      }
      const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
      return { code, text: lines.join('\n') };
    },
  };
}

async function makeData(folder: string): Promise<void> {
  await mkdir(join(folder, 'sub'), { recursive: true });
  await writeFile(join(folder, 'small.txt'), 'hello');
  await writeFile(join(folder, 'sub', 'large.bin'), randomBytes(3 * 2 ** 20));
  await symlink('../small.txt', join(folder, 'sub', 'link'));
}

describe('[G10] stock restic with the vault of a control plane', () => {
  peerTest(
    ['restic'],
    'backs up as the device, is refused to forget, checks and restores as the operator, and prunes within a grant',
    async () => {
      await using stack = new AsyncDisposableStack();
      const cloud = stack.use(await startCloud());
      const { identity } = stack.use(await cloud.enrol('kiosk-1'));
      const { path } = stack.use(await temporaryFolder());
      const [ca, pem, data] = [join(path, 'ca.pem'), join(path, 'client.pem'), join(path, 'data')];
      await writeFile(ca, cloud.plane.caPem);
      await writeFile(pem, identity.certificate + identity.key);
      await makeData(data);
      const { host } = new URL(cloud.plane.url);
      const place = `${host}/vault/kiosk-1/`;
      const device = resticOf(
        { RESTIC_REPOSITORY: `rest:https://${place}` },
        ...['--cacert', ca, '--tls-client-cert', pem],
      );
      const repository = `rest:https://operator:${cloud.plane.operatorToken}@${place}`;
      const operator = resticOf({ RESTIC_REPOSITORY: repository }, '--cacert', ca);

      expect(await device.run(['init'])).toMatchObject({ code: 0 });
      expect(await device.run(['backup', data])).toMatchObject({ code: 0 });
      await writeFile(join(data, 'small.txt'), 'changed');
      expect(await operator.run(['backup', data])).toMatchObject({ code: 0 });
      const listed = await device.run(['snapshots', '--json']);
      expect(JSON.parse(listed.text)).toHaveLength(2);
      await expect(cloud.operator.vault('kiosk-1')).resolves.toMatchObject({
        files: { snapshots: { count: 2 }, config: { count: 1 }, keys: { count: 1 }, locks: { count: 0 } },
      });

      for (const restic of [device, operator]) {
        const forget = ['forget', '--keep-last', '1', '--prune'];
        const refused = await restic.run(forget, { until: /server response: 403/ });
        expect(refused).toMatchObject({ text: expect.stringMatching(/Remove\(<snapshot.*403 Forbidden/) });
        expect(await restic.run(['unlock', '--remove-all'])).toMatchObject({ code: 0 });
      }
      await expect(cloud.operator.vault('kiosk-1')).resolves.toMatchObject({
        files: { snapshots: { count: 2 } },
      });

      await cloud.operator.grantVault('kiosk-1', { forMs: 600_000 });
      expect(await device.run(['forget', '--keep-last', '1', '--prune'])).toMatchObject({ code: 0 });
      await cloud.operator.grantVault('kiosk-1', null);
      expect(await operator.run(['check', '--read-data'])).toMatchObject({ code: 0 });
      const target = join(path, 'restored');
      expect(await operator.run(['restore', 'latest', '--target', target])).toMatchObject({ code: 0 });
      await expect(readFile(join(target, data, 'sub', 'link'), 'utf8')).resolves.toBe('changed');
      const [given, back] = await Promise.all(
        [join(data, 'sub/large.bin'), join(target, data, 'sub/large.bin')].map((file) => readFile(file)),
      );
      expect(back?.equals(given ?? Buffer.alloc(0))).toBe(true);
      await expect(cloud.operator.vault('kiosk-1')).resolves.toMatchObject({
        files: { snapshots: { count: 1 }, locks: { count: 0 } },
      });
    },
    120_000,
  );

  peerTest(
    ['restic'],
    'hears that the quota is reached, and nothing beyond it is kept',
    async () => {
      await using stack = new AsyncDisposableStack();
      const cloud = stack.use(await startCloud({ vaultQuotaBytes: 2 ** 20 }));
      stack.use(await cloud.enrol('kiosk-1'));
      const { path } = stack.use(await temporaryFolder());
      const [ca, data] = [join(path, 'ca.pem'), join(path, 'data')];
      await writeFile(ca, cloud.plane.caPem);
      await makeData(data);
      const { host } = new URL(cloud.plane.url);
      const repository = `rest:https://operator:${cloud.plane.operatorToken}@${host}/vault/kiosk-1/`;
      const restic = resticOf({ RESTIC_REPOSITORY: repository }, '--cacert', ca);
      expect(await restic.run(['init'])).toMatchObject({ code: 0 });
      const full = await restic.run(['backup', data], { until: /507/ });
      expect(full.text).toMatch(/Save\(<data\/.*507 Insufficient Storage/);
      const { bytes, files } = await cloud.operator.vault('kiosk-1');
      expect(bytes).toBeLessThanOrEqual(2 ** 20);
      expect(files.snapshots.count).toBe(0);
    },
    120_000,
  );
});

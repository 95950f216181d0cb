import { spawnSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '../../support/cli.ts';
import { hasPeer } from '../../support/has-peer.ts';
import { makeRepository } from './make-repository.ts';
import { runVaultCampaign } from './vault-campaign.ts';

/** `main.ts CYCLES SEED`: the vault campaign, in a mount namespace of its own where that is possible. Its last line is the result. */
const [cycles, seed] = process.argv.slice(2).map(Number);
const report = (line: string): void => void process.stdout.write(`${line}\n`);
const password = 'correct horse battery staple';

await using folder = await temporaryFolder();
const store = join(folder.path, 'store');
await mkdir(store);
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256m', 'none', store]);
const isSmall = mounted.status === 0;
if (!isSmall)
  report(`skipped: a full disk, as no file system can be mounted: ${String(mounted.stderr).trim()}`);
const canTrace = hasPeer('strace');
if (!canTrace) report('skipped: failing fsyncs and kills at calls, as there is no strace');
try {
  await makeRepository(join(store, 'repository'), password);
  const result = await runVaultCampaign({
    ...{ cycles: cycles ?? 1, seed: seed ?? 1, folder: folder.path, store, password },
    ...{ isSmall, canTrace, report },
  });
  report(JSON.stringify(result));
} finally {
  if (isSmall) spawnSync('umount', [store]);
}

import { spawnSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '../../support/cli.ts';
import { hasPeer } from '../../support/has-peer.ts';
import { RelayCampaign } from './relay-campaign.ts';

/** `main.ts CYCLES SEED`: the relay campaign, in a mount namespace of its own where that is possible. Its last line is the result. */
const [cycles, seed] = process.argv.slice(2).map(Number);
const report = (line: string): void => void process.stdout.write(`${line}\n`);

await using folder = await temporaryFolder();
const root = join(folder.path, 'device');
await mkdir(root);
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'none', root]);
const isSmall = mounted.status === 0;
if (!isSmall)
  report(`skipped: a full disk, as no file system can be mounted: ${String(mounted.stderr).trim()}`);
const canTrace = hasPeer('strace');
if (!canTrace) report('skipped: failing fsyncs, as there is no strace');
try {
  const result = await RelayCampaign.run({
    ...{ cycles: cycles ?? 1, seed: seed ?? 1, folder: folder.path, root, isSmall, canTrace, report },
  });
  report(JSON.stringify(result));
} finally {
  if (isSmall) spawnSync('umount', [root]);
}

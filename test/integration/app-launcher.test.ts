import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { isolationPeers, isolations, LaunchBench } from '../support/launched.ts';
import { peerTest } from '../support/peers.ts';

const runs = (bench: LaunchBench): string[] => readdirSync(join(bench.root, 'apps/run'));

peerTest(
  [],
  'without runtime and sandbox it says what to install or to choose, and starts nothing',
  async () => {
    await using bench = new LaunchBench();
    await using launcher = await bench.open('/nowhere');
    expect(launcher.capabilities.isolations).toMatchObject({
      container: { available: false, by: 'neither runc nor crun was found (apt install runc)' },
      sandbox: { available: false, by: 'bwrap was not found (apt install bubblewrap)' },
      process: { available: true },
    });
    await expect(launcher.start(bench.spec('container', 'exit'))).rejects.toMatchObject({
      code: 'noRuntime',
      message: 'Cannot run app web as a container: neither runc nor crun was found (apt install runc)',
      hint: 'Install it, or give the app isolation: process.',
    });
    expect(runs(bench)).toEqual([]);
  },
);

peerTest(
  [...isolationPeers.container, ...isolationPeers.sandbox],
  'files, read-only folders and folders below others are mounted where they are to be',
  async () => {
    await using bench = new LaunchBench();
    await using launcher = await bench.open();
    const volume = await bench.volume('outer');
    const secrets = await bench.volume('secrets');
    mkdirSync(join(volume, 'inner'));
    writeFileSync(join(secrets, 'key'), 'of a secret');
    const script = `
      cat /run/secrets/key; echo
      ( : >>/run/secrets/key ) 2>/dev/null || echo no
      echo deep >/etc/app/data/inner/file
      cat /etc/one/file /etc/group; ls -d /etc/app/*`;
    const mounts = [
      { source: volume, target: '/etc/app/data', readOnly: false },
      { source: join(secrets, 'key'), target: '/etc/one/file', readOnly: true },
      { source: secrets, target: '/run/secrets', readOnly: true },
    ];
    for (const isolation of ['container', 'sandbox'] as const) {
      bench.lines.length = 0;
      const app = await launcher.start(bench.spec(isolation, script, { mounts, network: 'host' }));
      await app.exited;
      expect(bench.output()).toBe('of a secret\nno\nof a secretroot:x:0:\napp:x:1000:\n/etc/app/data');
      expect(existsSync(join(volume, 'inner/file'))).toBe(true);
    }
    expect(existsSync(join(bench.rootfs, 'etc/app'))).toBe(false);
  },
);

peerTest(
  isolationPeers.process.concat(isolationPeers.container),
  'a process says when its user cannot come to its program',
  async () => {
    await using bench = new LaunchBench({ mode: 0o700 });
    await using launcher = await bench.open();
    const spec = bench.spec('process', 'exit', { user: { uid: 1234, gid: 1234, groups: [] } });
    await expect(launcher.start(spec)).rejects.toMatchObject({
      code: 'startFailed',
      message: expect.stringContaining(`user 1234:1234 may not enter ${bench.root}`),
    });
    expect(runs(bench)).toEqual([]);
  },
);

peerTest(
  isolations.flatMap((isolation) => isolationPeers[isolation]),
  'what a runtime complains of is the reason of the failure',
  async () => {
    await using bench = new LaunchBench();
    await using launcher = await bench.open();
    for (const isolation of ['container', 'sandbox'] as const) {
      // A file where there is to be a folder.
      const mounts = [{ source: join(bench.root, 'tree'), target: '/etc/passwd', readOnly: true }];
      await expect(launcher.start(bench.spec(isolation, 'exit', { mounts }))).rejects.toMatchObject({
        code: 'startFailed',
        message: expect.stringMatching(
          /^Cannot start app web: .*(passwd|director).* \(image sha256:[0-9a-f]{64}\)$/i,
        ),
      });
    }
    expect(runs(bench)).toEqual([]);
  },
);

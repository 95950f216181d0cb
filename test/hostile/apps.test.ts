import { existsSync, readFileSync, readdirSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from '@jest/globals';
import { isolationPeers, isolations, LaunchBench, until } from '../support/launched.ts';
import { describeTree } from '../support/describe-tree.ts';
import { peerTest, type Peer } from '../support/peers.ts';

const controlGroups: Peer = {
  name: 'control groups',
  probe: ['sh', '-c', 'test -w /sys/fs/cgroup/pids || grep -q pids /sys/fs/cgroup/cgroup.controllers'],
};
const stopNow = { signal: 'SIGTERM', graceMs: 0 } as const;

describe.each(isolations)('as a %s', (isolation) => {
  const hostile = (sentence: string, body: (bench: LaunchBench) => Promise<void>): void =>
    peerTest([controlGroups, ...isolationPeers[isolation]], sentence, async () => {
      await using bench = new LaunchBench({ mode: 0o711 });
      await body(bench);
      const ids = new Set(bench.lines.map(({ instance }) => instance));
      expect(readdirSync(join(bench.root, 'apps/run'))).toEqual([]);
      expect(groups().filter((name) => ids.has(name))).toEqual([]);
    });

  hostile('a fork bomb stays within its limit, and is ended whole', async (bench) => {
    await using launcher = await bench.open();
    const bomb = '(while :; do sleep 1000 & done) 2>/dev/null; echo lit; while :; do :; done';
    const limits = { pids: 40 };
    const app = await launcher.start(bench.spec(isolation, bomb, { limits }));
    await bench.heard(/lit/);
    await until(() => (processesOf(app.id) >= 20 ? true : undefined), 'bomb');
    for (let look = 0; look < 20; look += 1) expect(processesOf(app.id)).toBeLessThanOrEqual(40);
    await app.stop(stopNow);
    expect(processesOf(app.id)).toBe(0);
  });

  hostile('one that takes more memory than it may is ended, and that is said', async (bench) => {
    await using launcher = await bench.open();
    const limits = { memoryBytes: 64 * 2 ** 20 };
    const app = await launcher.start(
      bench.spec(isolation, 'x=0123456789; while :; do x=$x$x; done', { limits }),
    );
    expect(await app.exited).toEqual({ kind: 'killed', signal: 'SIGKILL', outOfMemory: true });
  });
});

peerTest(
  [...isolationPeers.process],
  'a flood of output is cut, counted, and takes little space',
  async () => {
    await using bench = new LaunchBench();
    await using launcher = await bench.open();
    const app = await launcher.start(
      bench.spec('process', 'yes this is a line of some length that comes again and again'),
    );
    const [, dropped] = await bench.heard(/holdfast: dropped (\d+) lines/);
    expect(Number(dropped)).toBeGreaterThan(0);
    const file = join(bench.root, 'apps/run', app.id, 'out');
    // Between two looks of the reader a fast program writes hundreds of megabytes: they go at the next one.
    await until(() => {
      const { size, blocks } = statSync(file);
      return size > 512 * 2 ** 20 && blocks * 512 < size / 4 ? true : undefined;
    }, 'output of more than 512 MiB that takes less than a quarter of it');
    await app.stop(stopNow);
    expect(bench.lines.length).toBeLessThan(20_000);
  },
);

const targets =
  '/x /bin/sh /etc/passwd /etc/new /proc/sys/kernel/core_pattern /proc/sysrq-trigger /proc/mtrr /proc/irq/*/smp_affinity';

describe.each(['container', 'sandbox'] as const)('in a %s', (isolation) => {
  peerTest(
    [...isolationPeers[isolation]],
    'nothing of the tree and nothing of the machine can be changed',
    async () => {
      await using bench = new LaunchBench();
      const volume = await bench.volume('data');
      // Links that would lead mounts out of the tree, were they followed from this machine's root.
      symlinkSync('../../../../../../../../holdfast-outside/deep', join(bench.rootfs, 'data'));
      symlinkSync('/holdfast-outside', join(bench.rootfs, 'tmp'));
      const before = describeTree(bench.rootfs);
      await using launcher = await bench.open();
      const attempts = [
        'echo mounted >/data/file',
        // To open for writing tells enough, and changes nothing of this machine if it should be allowed.
        `for path in ${targets}; do if ( : >>"$path" ) 2>/dev/null; then echo "can write $path"; fi; done`,
        'if unshare --user true 2>/dev/null; then echo "is root of a namespace"; fi',
        '( : >/tmp/x && : >/run/x && : >/dev/shm/x ) || echo "has no room"',
        'while read -r name value; do case $name in NoNewPrivs:) echo "$name $value";; esac; done </proc/self/status',
        'echo end',
      ].join('\n');
      const app = await launcher.start(
        bench.spec(isolation, attempts, {
          mounts: [{ source: volume, target: '/data', readOnly: false }],
          cwd: '/srv/deep',
        }),
      );
      await app.exited;
      expect(bench.output()).toBe('NoNewPrivs: 1\nend');
      expect(existsSync(join(volume, 'file'))).toBe(true);
      expect(existsSync('/holdfast-outside')).toBe(false);
      expect(describeTree(bench.rootfs)).toEqual(before);
    },
  );

  peerTest(
    [...isolationPeers[isolation]],
    'without network there is a loopback and nothing else',
    async () => {
      await using bench = new LaunchBench();
      await using launcher = await bench.open();
      const app = await launcher.start(bench.spec(isolation, 'cat /proc/net/dev; cat /proc/net/fib_trie'));
      await app.exited;
      const interfaces = [...bench.output().matchAll(/^\s*(\w+):/gm)].map(([, name]) => name);
      expect(interfaces).toContain('lo');
      expect(interfaces.filter((name) => /^(eth|en|wl|docker|br)/.test(name ?? ''))).toEqual([]);
      // It has its address when it is up.
      expect(bench.output()).toContain('127.0.0.1');
    },
  );
});

const mounts = ['/sys/fs/cgroup/pids', '/sys/fs/cgroup'];

function groups(): string[] {
  const all = mounts.map((mount) => join(mount, 'holdfast')).filter((folder) => existsSync(folder));
  return all.flatMap((folder) => readdirSync(folder));
}

function countBelow(folder: string): number {
  try {
    const own = readFileSync(join(folder, 'cgroup.procs'), 'utf8').split('\n').length - 1;
    const inner = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return inner.reduce((sum, { name }) => sum + countBelow(join(folder, name)), own);
  } catch {
    // It has been removed.
    return 0;
  }
}

function processesOf(instance: string): number {
  return mounts.reduce((sum, mount) => sum + countBelow(join(mount, 'holdfast', instance)), 0);
}

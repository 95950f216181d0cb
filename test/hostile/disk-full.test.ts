import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from '@jest/globals';
import { mountNamespaces, peerTest } from '../support/peers.ts';

const run = promisify(execFile);

peerTest(
  [mountNamespaces],
  'a full disk is named, leaves no half blob, and the store works again when there is room [G1]',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-full-'));
    try {
      // The file system is the child's own: it ends with it.
      const script =
        'mount -t tmpfs -o size=1m none "$1" && exec "$2" --disable-warning=ExperimentalWarning "$3" "$1"';
      const child = join(import.meta.dirname, '..', 'support', 'fill-layout.ts');
      const { stdout } = await run('unshare', [
        '--map-root-user',
        '--mount',
        'sh',
        '-c',
        script,
        'sh',
        folder,
        process.execPath,
        child,
      ]);
      expect(JSON.parse(stdout)).toEqual({
        failure: 'diskFull',
        transient: true,
        installed: false,
        left: [],
        earlier: true,
        tag: 'diskFull',
        afterwards: true,
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);

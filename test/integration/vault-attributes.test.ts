import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { restoreSnapshot } from '../../cloud-sync/vault/restore/restore-snapshot.ts';
import { takeSnapshot } from '../../cloud-sync/vault/snapshot/take-snapshot.ts';
import { silentLogger } from '../../lib/logger.ts';
import { openPosix } from '../../lib/posix.ts';
import { temporaryFolder } from '../support/cli.ts';
import { createMemoryRepository } from '../support/memory-repository.ts';

const posix = openPosix()!;
const signal = AbortSignal.timeout(60_000);
const odd = Buffer.concat([Buffer.from('user.note'), Buffer.from([0xff])]);

test('an attribute whose name is no UTF-8 is listed as left out, and the rest of its file comes back', async () => {
  await using folder = await temporaryFolder();
  const at = (...names: string[]) => join(folder.path, ...names);
  await mkdir(at('data', 'below'), { recursive: true });
  await writeFile(at('data', 'file'), 'some');
  await writeFile(at('data', 'empty'), '');
  await symlink('file', at('data', 'link'));
  for (const name of ['file', 'empty', 'below']) {
    posix.setAttribute(at('data', name), odd, Buffer.from('odd'));
    posix.setAttribute(at('data', name), 'user.plain', Buffer.from(name));
  }
  const { repository } = await createMemoryRepository();
  const outcome = await takeSnapshot({
    ...{ repository, folder: at('data'), recordedPath: '/data', hostname: 'kiosk', tags: [], excludes: [] },
    ...{ parent: 'none', threads: 1, logger: silentLogger, signal },
  });
  expect(outcome.problemCount).toBe(3);
  expect([...outcome.problems].sort((a, b) => (a.path < b.path ? -1 : 1))).toEqual(
    ['below', 'empty', 'file'].map((path) => ({
      path,
      code: 'attribute',
      message:
        'Its attribute user.note\\xff is left out: a name that is no UTF-8 has no place in a snapshot.',
    })),
  );

  const restored = await restoreSnapshot({
    ...{ repository, snapshot: outcome.id, target: at('back'), logger: silentLogger, signal },
  });
  expect(restored).toMatchObject({ placed: true, problemCount: 0 });
  for (const name of ['file', 'empty', 'below']) {
    expect(posix.listAttributes(at('back', name))).toEqual(['user.plain']);
    expect(posix.getAttribute(at('back', name), 'user.plain').toString()).toBe(name);
  }
});

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from '@jest/globals';
import { builtChild } from '../support/built-program.ts';
import { temporaryFolder } from '../support/cli.ts';
import { peerTest } from '../support/peers.ts';

/** What two attempts to give something a name in a folder come to when the folder's first fsync fails. */
async function tryTwice(way: string): Promise<unknown> {
  await using temporary = await temporaryFolder();
  const folder = join(temporary.path, 'blobs', 'sha256');
  const inject = ['-P', folder, '-e', 'trace=fsync', '-e', 'inject=fsync:error=EIO:when=1'];
  const child = [process.execPath, '--disable-warning=ExperimentalWarning', builtChild('failed-sync-child')];
  const { stdout } = await promisify(execFile)(
    'strace',
    ['-f', '-qqq', '-o', '/dev/null', ...inject, ...child, folder, way],
    // strace counts the calls of each thread for itself.
    { env: { ...process.env, UV_THREADPOOL_SIZE: '1' } },
  );
  return JSON.parse(stdout);
}

for (const { way, what, code = 'EIO', name } of [
  { way: 'vault', what: 'a file of a repository', code: 'corrupt', name: 'config' },
  { way: 'blob', what: 'a blob', name: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown },
  { way: 'folder', what: 'a folder', name: 'above' },
  { way: 'folderTwice', what: 'a folder that two make at once', name: 'above' },
  { way: 'atomic', what: 'a new file', name: 'file' },
])
  peerTest(
    ['strace'],
    `[G1] ${what} whose name may not be on disk is not found there by the next attempt, which succeeds`,
    async () => {
      expect(await tryTwice(way)).toEqual([
        { code, names: [] },
        { code: 'done', names: [name] },
      ]);
    },
  );

peerTest(['strace'], '[G1] a file that two wrote at once stays when one of them could not', async () => {
  const stays = { code: 'done', names: ['file'] };
  expect(await tryTwice('fileTwice')).toEqual([stays, stays]);
});

peerTest(['strace'], '[G1] a file that was replaced stays when its folder could not be synced', async () => {
  expect(await tryTwice('replaced')).toEqual([
    { code: 'EIO', names: ['there'] },
    { code: 'done', names: ['there'] },
  ]);
});

peerTest(
  ['strace'],
  '[G1] that a file of a repository is there already is said when its name is on disk: who wrote it may have been killed',
  async () => {
    expect(await tryTwice('present')).toEqual([
      { code: 'corrupt', names: ['config'] },
      { code: 'conflict', names: ['config'] },
    ]);
  },
);

peerTest(['strace'], '[G1] nor does the cloud say so of a file of a vault before that', async () => {
  expect(await tryTwice('cloudPresent')).toEqual([
    { code: 'EIO', names: ['.partial', 'config'] },
    { code: 'conflict', names: ['.partial', 'config'] },
  ]);
});

peerTest(['strace'], '[G1] a tree of an image whose name may not be on disk has none', async () => {
  expect(await tryTwice('tree')).toEqual([
    { code: 'EIO', names: ['.making-'] },
    { code: 'done', names: ['tree'] },
  ]);
});

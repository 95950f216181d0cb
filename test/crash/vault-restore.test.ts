import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { masterKeyBytes } from '../../cloud-sync/vault/format/master-key.ts';
import { restoreSnapshot } from '../../cloud-sync/vault/restore/restore-snapshot.ts';
import { discardStaging } from '../../cloud-sync/vault/restore/staging.ts';
import { writeMarker } from '../../cloud-sync/vault/restore/staging-marker.ts';
import { silentLogger } from '../../lib/logger.ts';
import { builtChild } from '../support/built-program.ts';
import { makeNastyTree } from '../support/nasty-tree.ts';
import { hasPeer, peerTest } from '../support/peers.ts';
import { ResticRepository } from '../support/restic-repository.ts';
import { treeDifferences, treeEntries, type TreeEntries } from '../support/tree-entries.ts';

const signal = AbortSignal.timeout(600_000);
/** Skipped, with the reason in the name, where one of them is missing. */
const judges = ['restic', 'getfattr', 'setfattr'];
const judged = (sentence: string, body: () => Promise<void>) => peerTest(judges, sentence, body, 120_000);
let repository: ResticRepository;
let snapshot: string;
let expected: TreeEntries;

beforeAll(async () => {
  if (!judges.every(hasPeer)) return;
  repository = await ResticRepository.create();
  makeNastyTree(repository.data);
  snapshot = await repository.backup();
  expected = treeEntries(repository.data);
}, 120_000);

afterAll(async () => {
  if (judges.every(hasPeer)) await repository[Symbol.asyncDispose]();
});

/** A restore over `target` that is killed at a point: see restore-child. */
async function killedAt(point: string, target: string): Promise<void> {
  const restoring = fork(builtChild('restore-child'), [repository.folder, snapshot, target, point], {
    serialization: 'advanced',
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  const exited = once(restoring, 'exit');
  restoring.send(masterKeyBytes(repository.ours.key));
  const [message] = (await Promise.race([once(restoring, 'message'), exited])) as unknown[];
  restoring.kill('SIGKILL');
  await exited;
  expect(message).toBe('here');
}

async function withOldState(name: string): Promise<string> {
  const target = repository.beside(name);
  await mkdir(target);
  await writeFile(join(target, 'state'), 'old');
  return target;
}

const restoreTo = (target: string) =>
  restoreSnapshot({
    ...{ repository: repository.ours, snapshot, target, replace: true, logger: silentLogger, signal },
  });

const stagingOf = async (name: string) =>
  (await readdir(repository.beside('.'))).filter((entry) => entry.startsWith(`.${name}.restoring-`));

for (const point of ['0', '3', 'finishing'])
  judged(
    `[G8] a restore killed at ${point} left the old state, and the next goes on to the new one`,
    async () => {
      const name = `killed at ${point}`;
      const target = await withOldState(name);
      await killedAt(point, target);
      expect(await readdir(target)).toEqual(['state']);
      expect(await stagingOf(name)).toHaveLength(1);
      await killedAt('verifying', target);
      const { resumedBytes, bytes } = await restoreTo(target);
      if (point === '0') expect(resumedBytes).toBe(0);
      else expect(resumedBytes).toBeGreaterThan(1_000_000);
      if (point === 'finishing') expect(resumedBytes).toBe(bytes);
      expect(treeDifferences(expected, treeEntries(join(target, repository.data)))).toEqual([]);
      expect(await stagingOf(name)).toEqual([]);
    },
  );

judged('an old state that was moved aside when the machine stopped comes back', async () => {
  const target = await withOldState('aside');
  const staging = repository.beside('.aside.restoring-0123456789abcdef');
  await mkdir(join(staging, 'tree'), { recursive: true });
  const subject = { repository: repository.ours.id, snapshot, path: '' };
  await writeMarker(staging, { version: 1, ...subject, target: 'aside', state: 'exchanging' });
  await rename(target, join(staging, 'old'));
  expect(await discardStaging(target)).toBe(0);
  expect(await readFile(join(target, 'state'), 'utf8')).toBe('old');
  expect(await stagingOf('aside')).toEqual([]);
});

judged(
  'an old state that was exchanged but not yet removed when the machine stopped is removed',
  async () => {
    const target = repository.beside('exchanged');
    await restoreTo(target);
    const staging = repository.beside('.exchanged.restoring-0123456789abcdef');
    await mkdir(join(staging, 'tree', 'of old'), { recursive: true });
    const subject = { repository: repository.ours.id, snapshot, path: '' };
    await writeMarker(staging, { version: 1, ...subject, target: 'exchanged', state: 'exchanging' });
    await restoreTo(target);
    expect(treeDifferences(expected, treeEntries(join(target, repository.data)))).toEqual([]);
    expect(await stagingOf('exchanged')).toEqual([]);
  },
);

import { expect, test } from '@jest/globals';
import type { BlobId } from '../format/blob-id.ts';
import type { RestoreJob, RestoreResult } from './thread-jobs.ts';
import { writeFiles, type WriteContext } from './write-files.ts';

const attributes = { uid: 0, gid: 0, mode: 0o600, extended: [], atimeNs: 0n, mtimeNs: 0n };
const done: RestoreResult = { failures: [], damaged: [], found: [] };

/** Each file in a pack of its own: as many reads as files. */
function filesInPacks(count: number) {
  return Array.from({ length: count }, (_, index) => {
    const chunk = { id: `id${index}` as BlobId, pack: `p${index}`, offset: 0, length: 10, plainBytes: 10 };
    return {
      path: `f${index}`,
      attributes,
      bytes: 10,
      chunks: [{ ...chunk, uncompressedLength: undefined }],
    };
  });
}

/** Says what was asked of the threads and the backend. */
function context(run: (job: RestoreJob) => Promise<RestoreResult>) {
  const asked: string[] = [];
  const given = {
    pool: {
      size: 1,
      run: (job: RestoreJob) => {
        asked.push(job.kind);
        return run(job);
      },
    },
    repository: {
      backend: {
        read: () => {
          asked.push('read');
          return Promise.resolve(Buffer.alloc(10));
        },
      },
    },
    sync: async () => {
      asked.push('sync');
      await run({ kind: 'sync', paths: [] });
    },
    meter: { add: () => undefined },
    problems: { isLeftOut: () => false },
    signal: new AbortController().signal,
  } as unknown as WriteContext;
  return { asked, given };
}

test('a large restore is synced once before its end, a small one is not', async () => {
  const large = context(() => Promise.resolve(done));
  await writeFiles(filesInPacks(100), new Map(), large.given);
  expect(large.asked.filter((kind) => kind === 'sync')).toHaveLength(1);
  expect(large.asked.lastIndexOf('write')).toBeGreaterThan(large.asked.indexOf('sync'));
  const small = context(() => Promise.resolve(done));
  await writeFiles(filesInPacks(60), new Map(), small.given);
  expect(small.asked).not.toContain('sync');
});

test('a sync that fails before the end is told, and nothing more is read', async () => {
  const { asked, given } = context((job) =>
    job.kind === 'sync' ? Promise.reject(new Error('EIO: syncfs')) : Promise.resolve(done),
  );
  await expect(writeFiles(filesInPacks(400), new Map(), given)).rejects.toThrow('EIO: syncfs');
  const after = asked.slice(asked.indexOf('sync'));
  expect(after.filter((kind) => kind === 'read').length).toBeLessThan(10);
});

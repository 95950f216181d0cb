import { describe, expect, test } from '@jest/globals';
import type { FileFacts } from './file-facts.ts';
import { FileQueue, type FileJob } from './file-queue.ts';
import { FolderEntries } from './folder-entries.ts';

const zero = { dev: 0n, ino: 0n, nlink: 1n, uid: 0n, gid: 0n, rdev: 0n, mtimeNs: 0n, ctimeNs: 0n };

function folderOf(sizes: Record<string, number>): FolderEntries {
  const files = Object.entries(sizes).map(([name, size]) => {
    const facts: FileFacts = { ...zero, mode: 0o100644n, size: BigInt(size) };
    return { name, facts };
  });
  return FolderEntries.from(files);
}

/** Every file is one blob whose id begins with its place in the job. */
function answer(job: FileJob): void {
  const count = job.paths.split('\0').length;
  const ids = Buffer.alloc(32 * count);
  for (let file = 0; file < count; file += 1) ids[32 * file] = file;
  const numbers = { blobCounts: new Int32Array(count).fill(1), sizes: new Float64Array(count).fill(7) };
  job.done({ kind: 'read', job: 0, ...numbers, ids, notes: [] });
}

function jobsOf(queue: FileQueue, whose: 'idle' | 'busy' = 'busy'): FileJob[] {
  const jobs: FileJob[] = [];
  for (let job = queue.nextJob(whose); job !== undefined; job = queue.nextJob(whose)) jobs.push(job);
  return jobs;
}

describe('files that wait to be read', () => {
  test('go together across folders, large ones alone and first', async () => {
    const queue = new FileQueue(() => undefined);
    const one = queue.read('/one', folderOf({ a: 10, skipped: 10, large: 5_000_000, b: 10 }), [0, 2, 3]);
    const two = queue.read('/two', folderOf({ c: 10 }), [0]);
    queue.end();
    const jobs = jobsOf(queue);
    expect(jobs.map(({ paths }) => paths.split('\0'))).toEqual([
      ['/one/large'],
      ['/one/a', '/one/b', '/two/c'],
    ]);
    for (const job of jobs) answer(job);
    const firstBytes = (await one).map(({ content }) => content.map((id) => id.slice(0, 2)));
    expect(firstBytes).toEqual([['00'], ['00'], ['01']]);
    expect(await two).toMatchObject([{ size: 7, content: [expect.stringMatching(/^02/)] }]);
  });

  test('make jobs of 200 files or 4 MiB at most', () => {
    const queue = new FileQueue(() => undefined);
    const many = folderOf(Object.fromEntries(Array.from({ length: 450 }, (_, n) => [`f${n}`, 1])));
    void queue.read('/many', many, [...many.names.keys()]);
    const heavy = folderOf({ a: 4_000_000, b: 4_000_000, c: 1 });
    void queue.read('/heavy', heavy, [0, 1, 2]);
    queue.end();
    const jobs = jobsOf(queue).map(({ paths }) => paths.split('\0').length);
    expect(jobs).toEqual([200, 200, 52, 1]);
  });

  test('wait until they fill a job, or no more come', () => {
    const queue = new FileQueue(() => undefined);
    const some = folderOf(Object.fromEntries(Array.from({ length: 150 }, (_, n) => [`f${n}`, 1])));
    const counts = () => jobsOf(queue).map(({ paths }) => paths.split('\0').length);
    void queue.read('/some', some, [...some.names.keys()]);
    expect(counts()).toEqual([]);
    void queue.read('/more', some, [...some.names.keys()]);
    expect(counts()).toEqual([200]);
    expect(jobsOf(queue, 'idle').map(({ paths }) => paths.split('\0').length)).toEqual([100]);
    const few = folderOf({ a: 1, b: 1 });
    void queue.read('/few', few, [0, 1]);
    expect(jobsOf(queue, 'idle')).toEqual([]);
    queue.end();
    expect(counts()).toEqual([2]);
  });

  test('let the walk go on once some are read, and when all is over', async () => {
    const queue = new FileQueue(() => undefined);
    const many = folderOf(Object.fromEntries(Array.from({ length: 200_100 }, (_, n) => [`f${n}`, 1])));
    void queue.read('/many', many, [...many.names.keys()]);
    let free = false;
    const room = queue.room().then(() => (free = true));
    await Promise.resolve();
    expect(free).toBe(false);
    const job = queue.nextJob('busy');
    if (job !== undefined) answer(job);
    await room;
    void queue.read('/more', folderOf({ a: 1 }), [0]);
    void queue.read('/more', many, [...many.names.keys()]);
    const released = queue.room();
    queue.close();
    await released;
    expect(free).toBe(true);
  });
});

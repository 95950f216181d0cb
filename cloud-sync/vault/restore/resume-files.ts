import { chmodSync, lstatSync, readdirSync, rmSync, unlinkSync } from 'node:fs';
import { nameOfBytes } from '../format/name-bytes.ts';
import { inParallel } from '../in-parallel.ts';
import { rawPath } from '../snapshot/raw-path.ts';
import type { RestoreMeter } from './restore-meter.ts';
import type { StagedTree } from './staged-tree.ts';
import type { ThreadPool } from './thread-pool.ts';
import type { VerifyJob } from './thread-jobs.ts';

/** What an interrupted restore left that is right. */
export type Found = {
  /** Folders that are there. */
  readonly folders: ReadonlySet<string>;
  /** By file, which of its chunks it holds; a file without any is not there. */
  readonly chunks: ReadonlyMap<number, ReadonlySet<number>>;
  readonly bytes: number;
};

export const nothingFound: Found = { folders: new Set(), chunks: new Map(), bytes: 0 };

const filesAJob = 64;
const bytesAJob = 32 * 2 ** 20;

/**
 * Looks through a staging folder: what is not of this tree, and all links and nodes, which are made last, is removed; each blob of each
 * file is hashed, nothing is believed. [G8]
 */
export async function findStaged(
  tree: StagedTree,
  {
    root,
    pool,
    meter,
    signal,
  }: {
    readonly root: string;
    readonly pool: ThreadPool;
    readonly meter: RestoreMeter;
    readonly signal: AbortSignal;
  },
): Promise<Found> {
  const expected = {
    folders: new Set(tree.folders.map(({ path }) => path)),
    files: new Map(tree.files.map(({ path }, index) => [path, index])),
  };
  const { folders, files } = sweep(root, expected);
  const chunks = new Map<number, Set<number>>();
  let bytes = 0;
  await inParallel([...verifyJobs(tree, files)], 2 * pool.size, async (job) => {
    signal.throwIfAborted();
    const { found } = await pool.run(job);
    for (const { index, chunks: right } of found) {
      const file = tree.files[index];
      if (file === undefined) continue;
      const rightBytes = right.reduce((sum, place) => sum + (file.chunks[place]?.plainBytes ?? 0), 0);
      if (right.length > 0 || file.chunks.length === 0) chunks.set(index, new Set(right));
      else unlinkSync(rawPath(`${root}/${file.path}`));
      bytes += rightBytes;
      meter.add(0, rightBytes);
    }
  });
  return { folders, chunks, bytes };
}

type Expected = { readonly folders: ReadonlySet<string>; readonly files: ReadonlyMap<string, number> };

/** Removes all but folders and files of the tree; returns those. */
function sweep(root: string, expected: Expected): { folders: Set<string>; files: number[] } {
  const folders = new Set<string>();
  const files: number[] = [];
  const waiting = [''];
  for (let above = waiting.pop(); above !== undefined; above = waiting.pop()) {
    const folder = rawPath(root + above);
    for (const entry of readdirSync(folder, { withFileTypes: true, encoding: 'buffer' })) {
      const path = `${above}/${nameOfBytes(entry.name)}`;
      const relative = path.slice(1);
      const file = expected.files.get(relative);
      if (entry.isDirectory() && expected.folders.has(relative)) {
        chmodSync(rawPath(root + path), 0o700);
        folders.add(relative);
        waiting.push(path);
      } else if (entry.isFile() && file !== undefined && isOurs(rawPath(root + path))) files.push(file);
      else rmSync(rawPath(root + path), { recursive: true, force: true });
    }
  }
  return { folders, files };
}

/** Opens a file for us, whatever mode it was given. One with another name somewhere might be somebody else's: it is not written to. */
function isOurs(path: string | Buffer): boolean {
  if (lstatSync(path).nlink !== 1) return false;
  chmodSync(path, 0o600);
  return true;
}

function* verifyJobs({ files }: StagedTree, indexes: readonly number[]): Generator<VerifyJob> {
  let job: VerifyJob['files'][number][] = [];
  let bytes = 0;
  for (const index of indexes) {
    const file = files[index];
    if (file === undefined) continue;
    const chunks = file.chunks.map(({ id, plainBytes }) => ({ id, bytes: plainBytes }));
    job.push({ index, path: file.path, chunks });
    bytes += file.bytes;
    if (job.length < filesAJob && bytes < bytesAJob) continue;
    yield { kind: 'verify', files: job };
    job = [];
    bytes = 0;
  }
  if (job.length > 0) yield { kind: 'verify', files: job };
}

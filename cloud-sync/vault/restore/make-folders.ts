import { closeSync, constants, mkdirSync, openSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { errorCode, errorMessage } from '../../../lib/error-code.ts';
import { asDiskError } from '../../oci/disk-errors.ts';
import { stopsEverything } from './fatal-codes.ts';
import type { FileProblems } from './file-problems.ts';
import { rawPath } from '../snapshot/raw-path.ts';
import type { StagedFile, StagedFolder } from './staged-tree.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
/** Entries between two turns of the event loop. */
const entriesATurn = 512;

export type MakeContext = {
  readonly root: string;
  readonly problems: FileProblems;
  /** The path of an entry as problems name it. */
  readonly named: (path: string) => string;
  readonly signal: AbortSignal;
};

/** Folders that are not there yet, those above first. What is below one that cannot be made fails by itself. */
export async function makeFolders(
  folders: readonly StagedFolder[],
  present: ReadonlySet<string>,
  context: MakeContext,
): Promise<void> {
  await each(folders, context, ({ path }) => {
    if (present.has(path)) return;
    attempt(context, path, () => mkdirSync(rawPath(`${context.root}/${path}`), { mode: 0o700 }));
  });
}

/** Files that several jobs fill exist before the first of them: so no two entries are ever written to one file. */
export async function createFiles(
  files: readonly StagedFile[],
  present: ReadonlyMap<number, ReadonlySet<number>>,
  context: MakeContext,
): Promise<void> {
  await each(files.entries(), context, ([index, { path, chunks }]) => {
    if (chunks.length <= 1 || present.has(index)) return;
    try {
      const raw = rawPath(`${context.root}/${path}`);
      closeSync(openSync(raw, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600));
    } catch (error) {
      if (stopsEverything(error)) throw asDiskError(error, path);
      context.problems.leaveOut(index, 'unwritable', errorMessage(error));
    }
  });
}

/** Does one entry; a failure that concerns it alone becomes its problem. Returns whether it was done. */
export function attempt({ problems, named }: MakeContext, path: string, work: () => void): boolean {
  try {
    work();
    return true;
  } catch (error) {
    if (stopsEverything(error)) throw asDiskError(error, path);
    const message = `Cannot make it: ${errorCode(error) ?? errorMessage(error)}`;
    problems.add({ path: named(path), code: 'unwritable', message });
    return false;
  }
}

/** All of them, with turns of the event loop in between. */
export async function each<T>(
  items: Iterable<T>,
  { signal }: Pick<MakeContext, 'signal'>,
  work: (item: T) => void,
): Promise<void> {
  let count = 0;
  for (const item of items) {
    work(item);
    if (++count % entriesATurn !== 0) continue;
    await turn();
    signal.throwIfAborted();
  }
}

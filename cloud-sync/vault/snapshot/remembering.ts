import { dirname, join } from 'node:path';
import { readEntries, writeEntries, type EntriesMemory } from './entries-memory.ts';
import type { WalkedFolder } from './folder-walk.ts';
import { writeMemory, type SnapshotMemory } from './snapshot-memory.ts';
import type { SnapshotRequest } from './snapshot-request.ts';

type Request = Pick<SnapshotRequest, 'memory' | 'repository' | 'logger'>;

/** What is remembered of the index: one file for a repository, beside what is remembered of each folder. */
export function indexMemory({ memory, repository }: Request): string | undefined {
  return memory === undefined ? undefined : join(dirname(memory), `${repository.id.slice(0, 32)}.index`);
}

/** What is remembered of entries, which belongs to a memory; a file of its own, which is read only where something changed. */
export async function readEntriesOf(
  { memory: path, repository }: Request,
  memory: SnapshotMemory | undefined,
): Promise<EntriesMemory | undefined> {
  if (path === undefined || memory === undefined) return undefined;
  return await readEntries(entriesMemory(path), repository.key, memory.tree);
}

function entriesMemory(memory: string): string {
  return `${memory}.entries`;
}

/** Writes what the next snapshot need not look up, beside the end of this one. What cannot be written is logged: the next only takes longer. */
export class Remembering implements AsyncDisposable {
  readonly #request: Request;
  readonly #root: WalkedFolder;
  readonly #walked: readonly WalkedFolder[];
  readonly #writing: Promise<void>[] = [];

  /** Begins with the entries, which are known once the walk is over. */
  constructor(request: Request, root: WalkedFolder, walked: readonly WalkedFolder[]) {
    this.#request = request;
    this.#root = root;
    this.#walked = walked;
    const folders = walked.map(({ entries }) => entries);
    this.#write(entriesMemory, (path, key) => writeEntries(path, key, { tree: root.tree, folders }));
  }

  /** Once index files are written. */
  index(): void {
    const { repository } = this.#request;
    this.#write(
      () => indexMemory(this.#request) ?? '',
      (path) => repository.rememberIndex(path),
    );
  }

  /** Once the snapshot is written: until then what is remembered of the one before is of more use. `indexFiles`: all that it needs. */
  folders(context: string, indexFiles: readonly string[]): void {
    const { tree } = this.#root;
    const folders = this.#walked.map(({ path, print, tree }) => [path, print, tree] as const);
    const memory = { version: 1, tree, context, indexFiles, folders } as const;
    this.#write(
      (path) => path,
      (path, key) => writeMemory(path, key, memory),
    );
  }

  /** Resolves once all is written. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#writing);
  }

  #write(
    pathOf: (memory: string) => string,
    write: (path: string, key: Request['repository']['key']) => Promise<void>,
  ): void {
    const { memory, repository, logger } = this.#request;
    if (memory === undefined) return;
    const path = pathOf(memory);
    const writing = write(path, repository.key).catch((error: unknown) => {
      logger.warn('snapshot.memory.failed', { path, error });
    });
    this.#writing.push(writing);
  }
}

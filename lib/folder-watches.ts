import { watch, type BigIntStats, type FSWatcher } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';

export type FolderWatchesOptions = {
  readonly root: string;
  /** Something is new about this path, relative to the root with `/`: a hint, not a fact. */
  readonly onChange: (path: string) => void;
  readonly maxFolders: number;
  /** For tests; default what the file system says. */
  readonly stat?: (path: string) => Promise<FolderStat>;
};

type FolderStat = Pick<BigIntStats, 'ino' | 'birthtimeNs'>;
type Watched = { readonly identity: string; readonly watcher: FSWatcher };

/**
 * Watches the folders that a walk comes by, each one for itself: a folder that was moved is another one after the next walk,
 * so that no event comes under a path of the past.
 */
export class FolderWatches implements Disposable {
  readonly #options: FolderWatchesOptions;
  readonly #watched = new Map<string, Watched>();
  #visited = new Set<string>();
  #failure: Error | undefined;

  constructor(options: FolderWatchesOptions) {
    this.#options = options;
  }

  /** Why not every folder of the walk is watched. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** A walk begins. */
  begin(): void {
    this.#visited = new Set();
    this.#failure = undefined;
  }

  /** Before the walk reads the folder: what comes into it from now on is told. `path` is relative, '' for the root. */
  async visit(path: string): Promise<void> {
    const { root, maxFolders, stat = statFolder } = this.#options;
    const identity = identityOf(await stat(join(root, path)));
    const known = this.#watched.get(path);
    this.#visited.add(path);
    if (known?.identity === identity) return;
    this.#close(path);
    if (this.#watched.size >= maxFolders) {
      this.#failure ??= new Error(`it has more than ${maxFolders} folders`);
      return;
    }
    try {
      this.#watched.set(path, { identity, watcher: this.#watch(path) });
    } catch (error) {
      this.#failure ??= error as Error;
    }
  }

  /** The walk is over: what it did not come by is gone. */
  end(): void {
    for (const path of [...this.#watched.keys()]) if (!this.#visited.has(path)) this.#close(path);
  }

  [Symbol.dispose](): void {
    for (const path of [...this.#watched.keys()]) this.#close(path);
  }

  #watch(path: string): FSWatcher {
    const { root, onChange } = this.#options;
    const watcher = watch(join(root, path), { persistent: false }, (_, name) => {
      onChange(path === '' || name === null ? (name ?? path) : `${path}/${name}`);
    });
    watcher.on('error', () => {
      this.#close(path);
      onChange(path);
    });
    return watcher;
  }

  #close(path: string): void {
    const known = this.#watched.get(path);
    this.#watched.delete(path);
    known?.watcher.close();
  }
}

function statFolder(path: string): Promise<FolderStat> {
  return lstat(path, { bigint: true });
}

/** A folder that is made where one was removed may get its inode: watched would be the one that is gone. */
function identityOf({ ino, birthtimeNs }: FolderStat): string {
  return `${ino} ${birthtimeNs}`;
}

import { lstat, readdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { FolderWatches } from '../../lib/folder-watches.ts';
import type { ChangeWatch } from './ports.ts';

/** A folder takes about a kilobyte of the kernel's memory, and of a number that all programs of a user share. */
const maxFolders = 4096;

/** `f_type` of statfs(2), of file systems in which nothing changes but through this kernel. */
const localFileSystems = new Set([
  0xef53, // ext2, ext3, ext4
  0x58465342, // xfs
  0x9123683e, // btrfs
  0xf2f52010, // f2fs
  0x2fc12fc1, // zfs
  0x01021994, // tmpfs
  0x794c7630, // overlayfs
]);

class Unwatchable extends Error {}

/**
 * Notices, by inotify, whether anything came to a folder or below it: after the first event it looks no more, so a busy folder costs
 * nothing. What it cannot see is a write through a memory map, and one to a file by another of its names, outside the folder.
 */
export class QuietFolder implements ChangeWatch {
  readonly #folder: string;
  #watches: FolderWatches | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  get isQuiet(): boolean {
    return this.#watches !== undefined;
  }

  /** Never rejects: a folder that cannot be watched as a whole is not quiet. */
  async arm(): Promise<void> {
    this[Symbol.dispose]();
    if (process.platform !== 'linux') return;
    const watches: FolderWatches = new FolderWatches({
      root: this.#folder,
      maxFolders,
      onChange: () => this.#end(watches),
    });
    this.#watches = watches;
    try {
      const { dev } = await lstat(join(this.#folder, '.'));
      await this.#watchAll(watches, dev);
    } catch {
      // Gone, not to be read, too many folders, no watch left: whatever it is, a snapshot looks for itself.
      this.#end(watches);
    }
  }

  [Symbol.dispose](): void {
    if (this.#watches) this.#end(this.#watches);
  }

  /** Each folder is watched before it is read, so that none comes into it unseen. */
  async #watchAll(watches: FolderWatches, device: number): Promise<void> {
    const waiting = [''];
    for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
      await watches.visit(path);
      if (watches.failure) throw watches.failure;
      if (this.#watches !== watches) {
        // It came to an event meanwhile: this one was watched after that.
        watches[Symbol.dispose]();
        return;
      }
      await requireLocal(join(this.#folder, path), path === '' ? undefined : device);
      for (const entry of await readdir(join(this.#folder, path), { withFileTypes: true }))
        if (entry.isDirectory()) waiting.push(path === '' ? entry.name : `${path}/${entry.name}`);
    }
  }

  #end(watches: FolderWatches): void {
    watches[Symbol.dispose]();
    if (this.#watches === watches) this.#watches = undefined;
  }
}

/** Another machine may write to what is mounted from it, and none tells of that. */
async function requireLocal(folder: string, above: number | undefined): Promise<void> {
  if (above !== undefined && (await lstat(folder)).dev === above) return;
  const { type } = await statfs(folder);
  if (!localFileSystems.has(type)) throw new Unwatchable('It is on no local file system');
}

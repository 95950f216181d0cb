import { lstat, opendir, readFile, realpath, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { FolderWatches } from '../../lib/folder-watches.ts';
import type { ChangeWatch } from './ports.ts';

/** A folder takes about a kilobyte of the kernel's memory, and of a number that all programs of a user share. */
const maxFolders = 2000;
/** Names read to find the folders among them. */
const maxEntries = 100_000;

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

type Armed = {
  readonly watches: FolderWatches;
  /** Which folder, and what is mounted in it; undefined while it is being found out. */
  place: string | undefined;
};

/**
 * Notices, by inotify, whether anything came to a folder or below it: after the first event it looks no more, so a busy folder costs
 * nothing. It is not told of a write through a memory map, of one by another name outside the folder, and of what the kernel drops
 * when very much happens at once.
 */
export class QuietFolder implements ChangeWatch {
  readonly #folder: string;
  #armed: Armed | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async isQuiet(): Promise<boolean> {
    const armed = this.#armed;
    if (armed?.place === undefined) return false;
    const place = await placeOf(this.#folder).catch(() => undefined);
    return this.#armed === armed && place === armed.place;
  }

  async arm(): Promise<void> {
    this[Symbol.dispose]();
    if (process.platform !== 'linux') return;
    const watches = new FolderWatches({ root: this.#folder, maxFolders, onChange: () => this.#end(armed) });
    const armed: Armed = { watches, place: undefined };
    this.#armed = armed;
    try {
      const place = await placeOf(this.#folder);
      if (await this.#watchAll(armed)) armed.place = place;
      else this.#end(armed);
    } catch {
      // Gone, not to be read, no watch left: whatever it is, a snapshot looks for itself.
      this.#end(armed);
    }
  }

  [Symbol.dispose](): void {
    if (this.#armed) this.#end(this.#armed);
  }

  /** Each folder is watched before it is read, so that none comes into it unseen. False when not all can be. */
  async #watchAll(armed: Armed): Promise<boolean> {
    const { watches } = armed;
    const { dev: device } = await stat(this.#folder);
    if (!(await isLocal(this.#folder))) return false;
    const waiting = [''];
    let entries = 0;
    for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
      await watches.visit(path);
      // An event may have ended it meanwhile; this folder is watched since after that.
      if (watches.failure || this.#armed !== armed) return false;
      const folder = join(this.#folder, path);
      if (path !== '' && (await lstat(folder)).dev !== device && !(await isLocal(folder))) return false;
      for await (const entry of await opendir(folder)) {
        if (++entries > maxEntries) return false;
        if (entry.isDirectory()) waiting.push(path === '' ? entry.name : `${path}/${entry.name}`);
      }
    }
    return true;
  }

  #end(armed: Armed): void {
    armed.watches[Symbol.dispose]();
    if (this.#armed === armed) this.#armed = undefined;
  }
}

/** Another machine may write to what is mounted from it, and none tells of that. */
async function isLocal(folder: string): Promise<boolean> {
  return localFileSystems.has((await statfs(folder)).type);
}

/** Another text when another folder has this name, or something else is mounted in it. */
async function placeOf(folder: string): Promise<string> {
  const [{ dev, ino }, path, mounts] = await Promise.all([
    stat(folder, { bigint: true }),
    realpath(folder),
    readFile('/proc/self/mountinfo', 'utf8'),
  ]);
  const below = mounts.split('\n').filter((line) => isBelow(line.split(' ')[4] ?? '', path));
  return [dev, ino, ...below].join('\n');
}

/** `mountPoint` as proc(5) writes it, with blanks as octal numbers. */
function isBelow(mountPoint: string, folder: string): boolean {
  const escaped = folder.replaceAll(
    /[ \t\n\\]/g,
    (letter) => `\\${letter.charCodeAt(0).toString(8).padStart(3, '0')}`,
  );
  return mountPoint === escaped || mountPoint.startsWith(`${escaped}/`);
}

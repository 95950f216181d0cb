import { chmodSync, lstatSync, mkdirSync, readlinkSync, type BigIntStats } from 'node:fs';
import { errorCode } from '../../../lib/error-code.ts';
import { badArchive, quoted } from './bad-archive.ts';
import { LayerFolder } from './layer-folder.ts';
import { setMetadata, setTime, type TreeAccess, type TreeMetadata } from './tree-access.ts';

/** As Linux bounds them (path_resolution(7)). */
const maxLinks = 40;
/** Read, write and search for the owner. */
const ownerBits = 0o700;
const readBits = 0o500;

/** Of folders that no entry describes. The time is fixed, so that a tree is the same wherever it is made. */
const implied: TreeMetadata = { mode: 0o755, uid: 0, gid: 0, mtimeNs: 0n, attributes: new Map() };

/**
 * The folders of a tree, found by following links inside it alone: to a link that is absolute the root is `root`, and `..` ends there.
 * Their times and modes are set at the end, when nothing more comes into them.
 */
export class LayerFolders {
  readonly root: LayerFolder;
  readonly #access: TreeAccess;

  constructor(root: string, access: TreeAccess) {
    this.root = new LayerFolder(root);
    this.#access = access;
  }

  /** The folder of this path; undefined when there is none. */
  find(names: readonly string[]): LayerFolder | undefined {
    return this.#resolve(names, () => undefined);
  }

  /** The folder of this path; what is missing is made. Throws `badArchive` where a file is in the way. */
  require(names: readonly string[]): LayerFolder {
    const make = (parent: LayerFolder, name: string, found: BigIntStats | undefined): LayerFolder => {
      if (found) throw badArchive(`${quoted(names.join('/'))} leads through a file`);
      return this.make(parent, name, implied);
    };
    const folder = this.#resolve(names, make);
    if (!folder) throw badArchive(`${quoted(names.join('/'))} leads nowhere`);
    return folder;
  }

  /** Makes a folder where nothing is. */
  make(parent: LayerFolder, name: string, metadata: TreeMetadata): LayerFolder {
    this.touch(parent);
    mkdirSync(parent.at(name), ownerBits);
    const folder = parent.add(name);
    this.describe(folder, metadata);
    return folder;
  }

  /** What an entry says of a folder that is there. */
  describe(folder: LayerFolder, metadata: TreeMetadata): void {
    this.#open(folder, lstatSync(folder.path, { bigint: true }));
    folder.last = () => {
      for (const name of this.#access.posix?.listAttributes(folder.path) ?? [])
        if (typeof name !== 'string' || !metadata.attributes.has(name))
          this.#access.posix?.removeAttribute(folder.path, name);
      // Whoever is not root could not look into others of his own later.
      const mode = this.#access.isRoot ? metadata.mode : metadata.mode | readBits;
      setMetadata(folder.path, { ...metadata, mode }, this.#access);
    };
  }

  /** Before something in it is made or removed: at the end it has the time it has now. */
  touch(folder: LayerFolder): void {
    if (folder.last) return;
    const stats = lstatSync(folder.path, { bigint: true });
    const isOpened = this.#open(folder, stats);
    folder.last = () => {
      if (isOpened) chmodSync(folder.path, Number(stats.mode) & 0o7777);
      setTime(folder.path, stats.mtimeNs, this.#access.posix);
    };
  }

  finish(): void {
    for (const folder of this.root.deepestFirst()) folder.last?.();
  }

  /** Whoever is not root can write only to folders that let him. */
  #open(folder: LayerFolder, { mode }: BigIntStats): boolean {
    if (this.#access.isRoot || (Number(mode) & ownerBits) === ownerBits) return false;
    chmodSync(folder.path, (Number(mode) & 0o7777) | ownerBits);
    return true;
  }

  #resolve(
    names: readonly string[],
    missing: (parent: LayerFolder, name: string, found: BigIntStats | undefined) => LayerFolder | undefined,
  ): LayerFolder | undefined {
    let at = this.root;
    let links = 0;
    // Turned round: the next name is at the end.
    const open = names.toReversed();
    for (let name = open.pop(); name !== undefined; name = open.pop()) {
      const known = name === '..' ? at.parent : at.folder(name);
      if (known) {
        at = known;
        continue;
      }
      const found = statsAt(at.at(name));
      if (found?.isSymbolicLink()) {
        links += 1;
        if (links > maxLinks)
          throw badArchive(`${quoted(names.join('/'))} leads through more than ${maxLinks} links`);
        const target = readlinkSync(at.at(name));
        if (target.startsWith('/')) at = this.root;
        open.push(...partsOf(target).toReversed());
        continue;
      }
      const next = found?.isDirectory() ? at.add(name) : missing(at, name, found);
      if (!next) return undefined;
      at = next;
    }
    return at;
  }
}

/** Undefined when there is nothing. */
export function statsAt(path: string): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true });
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function partsOf(target: string): string[] {
  return target.split('/').filter((part) => part !== '' && part !== '.');
}

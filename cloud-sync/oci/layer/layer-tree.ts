import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  futimesSync,
  openSync,
  readdirSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { errorCode } from '../../../lib/error-code.ts';
import { badArchive, quoted } from './bad-archive.ts';
import type { LayerFolder } from './layer-folder.ts';
import { LayerFolders, statsAt } from './layer-folders.ts';
import { layerPath } from './layer-path.ts';
import { linkOrCopy } from './link-or-copy.ts';
import { makeFifo } from './make-fifo.ts';
import type { TarVisitor } from './read-tar.ts';
import { removeTree } from './remove-tree.ts';
import type { TarEntry } from './tar-entry.ts';
import { setAttributes, setMetadata, setTime, type TreeAccess } from './tree-access.ts';
import { readWhiteout } from './whiteout.ts';

/** As Linux bounds a symbolic link. */
const maxTargetBytes = 4095;
const createNew = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const capabilities = 'security.capability';

type OpenFile = { readonly descriptor: number; readonly path: string; readonly entry: TarEntry };

/**
 * Brings the entries of one layer into a tree (OCI image spec, layer.md, "Applying Changesets"). No file is written to that was there
 * before: it is removed and another made. Throws `badArchive`, and node's errors.
 */
export class LayerTree implements TarVisitor {
  readonly #folders: LayerFolders;
  readonly #access: TreeAccess;
  readonly #maxEntries: number;
  #entries = 0;
  #hasCapabilities = false;
  #file: OpenFile | undefined;

  constructor(
    root: string,
    { maxEntries, access }: { readonly maxEntries: number; readonly access: TreeAccess },
  ) {
    this.#folders = new LayerFolders(root, access);
    this.#access = access;
    this.#maxEntries = maxEntries;
  }

  get entries(): number {
    return this.#entries;
  }

  /** A file of it has capabilities that running it would give. */
  get hasCapabilities(): boolean {
    return this.#hasCapabilities;
  }

  entry(entry: TarEntry): void {
    this.#entries += 1;
    if (this.#entries > this.#maxEntries) throw badArchive(`it has more than ${this.#maxEntries} entries`);
    const names = layerPath(entry.path);
    const name = names.pop();
    if (name === undefined) {
      this.#takeRoot(entry);
      return;
    }
    const whiteout = readWhiteout(names, name);
    if (whiteout) this.#hide(names, whiteout);
    else this.#take(entry, names, name);
  }

  data(piece: Buffer): void {
    if (!this.#file) return;
    for (let at = 0; at < piece.length;) at += writeSync(this.#file.descriptor, piece, at);
  }

  end(): void {
    if (!this.#file) return;
    finishFile(this.#file, this.#access);
    this[Symbol.dispose]();
  }

  /** When all entries have come. */
  finish(): void {
    this.#folders.finish();
  }

  /** Closes a file that was cut short. */
  [Symbol.dispose](): void {
    if (this.#file) closeSync(this.#file.descriptor);
    this.#file = undefined;
  }

  #takeRoot(entry: TarEntry): void {
    if (entry.type !== 'folder') throw badArchive('its root is no folder');
    this.#folders.describe(this.#folders.root, entry);
  }

  #take(entry: TarEntry, names: readonly string[], name: string): void {
    const parent = this.#folders.require(names);
    switch (entry.type) {
      case 'folder': {
        this.#takeFolder(entry, parent, name);
        break;
      }
      case 'file': {
        const path = parent.at(name);
        this.#place(parent, name, () => {
          this.#file = { descriptor: openSync(path, createNew, 0o600), path, entry };
        });
        this.#hasCapabilities ||= entry.attributes.has(capabilities);
        break;
      }
      case 'symlink': {
        this.#takeSymlink(entry, parent, name);
        break;
      }
      case 'hardLink': {
        this.#takeHardLink(entry, parent, name);
        break;
      }
      case 'fifo': {
        this.#place(parent, name, () => makeFifo(parent.at(name), this.#access.posix));
        setMetadata(parent.at(name), entry, this.#access);
        break;
      }
      case 'characterDevice':
      case 'blockDevice':
        throw badArchive(`${quoted(entry.path)} is a device`);
      default:
        entry.type satisfies never;
    }
    parent.bring(name);
  }

  #takeFolder(entry: TarEntry, parent: LayerFolder, name: string): void {
    const found = parent.folder(name) ? 'folder' : kindAt(parent.at(name));
    if (found === 'other') this.#remove(parent, name);
    if (found === 'folder') this.#folders.describe(parent.add(name), entry);
    else this.#folders.make(parent, name, entry);
  }

  #takeSymlink(entry: TarEntry, parent: LayerFolder, name: string): void {
    const { linkTarget } = entry;
    if (linkTarget === '' || linkTarget.includes('\0') || Buffer.byteLength(linkTarget) > maxTargetBytes)
      throw badArchive(`the link ${quoted(entry.path)} leads to what is no path: ${quoted(linkTarget)}`);
    this.#place(parent, name, () => symlinkSync(linkTarget, parent.at(name)));
    setMetadata(parent.at(name), entry, { ...this.#access, isLink: true });
  }

  /** Owner, mode and the rest are those of the file: it may be one of another tree. */
  #takeHardLink(entry: TarEntry, parent: LayerFolder, name: string): void {
    const names = layerPath(entry.linkTarget);
    const targetName = names.pop();
    const folder = targetName === undefined ? undefined : this.#folders.find(names);
    const target = folder && targetName !== undefined ? folder.at(targetName) : undefined;
    const found = target === undefined ? undefined : statsAt(target);
    if (target === undefined || !found || found.isDirectory())
      throw badArchive(
        `the hard link ${quoted(entry.path)} is to no file of the image: ${quoted(entry.linkTarget)}`,
      );
    const path = parent.at(name);
    if (target === path) return;
    if (target.startsWith(`${path}/`))
      throw badArchive(`the hard link ${quoted(entry.path)} takes the place of its file`);
    this.#place(parent, name, () => linkOrCopy(target, path, this.#access));
  }

  /** Makes something in a folder, in place of what is there. */
  #place(parent: LayerFolder, name: string, make: () => void): void {
    this.#folders.touch(parent);
    try {
      make();
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
      this.#remove(parent, name);
      make();
    }
  }

  #remove(parent: LayerFolder, name: string): void {
    this.#folders.touch(parent);
    removeTree(parent.at(name));
    parent.forget(name);
  }

  #hide(names: readonly string[], whiteout: { readonly name: string } | 'opaque'): void {
    const folder = this.#folders.find(names);
    if (!folder) return;
    if (whiteout === 'opaque') this.#hideAllOf(folder);
    else this.#hideOne(folder, whiteout.name);
  }

  /** What lower layers have goes; what this layer brought stays, wherever its entry stood. */
  #hideAllOf(folder: LayerFolder): void {
    for (const name of readdirSync(folder.path)) this.#hideOne(folder, name);
  }

  #hideOne(parent: LayerFolder, name: string): void {
    const folder = parent.folder(name);
    if (folder && (folder.holdsBrought || parent.hasBrought(name))) this.#hideAllOf(folder);
    else if (!parent.hasBrought(name) && statsAt(parent.at(name))) this.#remove(parent, name);
  }
}

/** By the open file where that is possible: each call by path costs a walk along it. */
function finishFile({ descriptor, path, entry }: OpenFile, access: TreeAccess): void {
  const { uid, gid, mode, mtimeNs, attributes } = entry;
  if (access.isRoot) fchownSync(descriptor, uid, gid);
  if (attributes.size > 0) setAttributes(path, attributes, { ...access, isLink: false });
  fchmodSync(descriptor, mode);
  const seconds = Number(mtimeNs) / 1e9;
  if (Number.isInteger(seconds)) futimesSync(descriptor, seconds, seconds);
  else setTime(path, mtimeNs, access.posix);
}

function kindAt(path: string): 'folder' | 'other' | 'nothing' {
  const found = statsAt(path);
  if (!found) return 'nothing';
  return found.isDirectory() ? 'folder' : 'other';
}

import { linkSync, mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync, chmodSync } from 'node:fs';
import { join } from 'node:path';
import { treeEntries, type TreeEntries } from '../../support/tree-entries.ts';

type Random = () => number;

const folders = ['', 'photos', 'notes', 'notes/deep/er'];
const smallFiles = 24;
const oddNames = ['naïve ☃', 'with "quotes" and \\', 'two\nlines', ' leading and trailing ', '-rf'];

/** A folder with files of many kinds that changes from cycle to cycle, the same way for the same numbers. */
export class Volume {
  readonly folder: string;
  readonly #random: Random;
  readonly #bytes: Random;
  #changes = 0;

  /** `bytes`: what contents are made of; two volumes with the same share some of them. */
  constructor(folder: string, random: Random, bytes: Random) {
    this.folder = folder;
    this.#random = random;
    this.#bytes = bytes;
    for (const name of folders) mkdirSync(join(folder, name), { recursive: true });
    for (let index = 0; index < smallFiles; index++) this.#write(this.#place(index), this.#size(index));
    for (const name of oddNames) this.#write(name, 100);
    this.#write('empty', 0);
    this.#write('large', 3_000_000);
    writeFileSync(join(folder, 'same again'), Buffer.alloc(1_500_000, 'the same '));
    symlinkSync('../nowhere', join(folder, 'dangling'));
    linkSync(join(folder, 'large'), join(folder, 'photos', 'linked'));
    chmodSync(join(folder, 'empty'), 0o4711);
    mkdirSync(join(folder, 'empty folder'));
    utimesSync(join(folder, 'empty'), 1, 1.25);
  }

  /** Some files get other bytes, one goes, one comes; now and then a large one does. */
  change(): void {
    this.#changes += 1;
    for (let count = 0; count < 4; count++) {
      const index = Math.floor(this.#random() * smallFiles);
      this.#write(this.#place(index), this.#size(index));
    }
    rmSync(join(this.folder, `come-${this.#changes - 3}`), { force: true });
    const isLarge = this.#random() < 0.4;
    this.#write(`come-${this.#changes}`, isLarge ? 1_200_000 : 5000);
  }

  entries(): TreeEntries {
    return treeEntries(this.folder);
  }

  #place(index: number): string {
    return join(folders[index % folders.length]!, `file-${index}`);
  }

  #size(index: number): number {
    return Math.floor(this.#random() * (index % 6 === 0 ? 300_000 : 4000));
  }

  #write(name: string, bytes: number): void {
    const content = Buffer.allocUnsafe(bytes);
    for (let offset = 0; offset < bytes; offset += 4) {
      const word = Math.floor(this.#bytes() * 2 ** 32);
      for (let index = 0; index < 4 && offset + index < bytes; index++)
        content[offset + index] = (word >>> (index * 8)) & 0xff;
    }
    writeFileSync(join(this.folder, name), content);
  }
}

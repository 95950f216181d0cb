import { createHash } from 'node:crypto';
import { cpSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { FileType } from '../../../cloud-sync/vault/backend/backend.ts';

type Random = () => number;
export type Harm = 'missing' | 'torn' | 'flipped';

/** Copies a repository, so that it may come to harm. */
export function copyRepository(repository: string, copy: string): void {
  rmSync(copy, { recursive: true, force: true });
  cpSync(repository, copy, { recursive: true });
}

/** Harms one file of a type; gives its name, undefined where there is none. */
export function damage(repository: string, type: FileType, how: Harm, random: Random): string | undefined {
  const files = type === 'config' ? [join(repository, type)] : filesOf(join(repository, type));
  const path = files[Math.floor(random() * files.length)];
  if (path === undefined) return undefined;
  const bytes = readFileSync(path);
  rmSync(path); // It may be read-only.
  if (how === 'torn') writeFileSync(path, bytes.subarray(0, Math.floor(bytes.length * random())));
  if (how === 'flipped') {
    const bit = Math.floor(random() * bytes.length * 8);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    writeFileSync(path, bytes);
  }
  return basename(path);
}

/** What a process can leave that was killed, or a machine without power: the beginning of a file, and a pack that no index names. */
export function leaveBehind(repository: string, random: Random): void {
  const [pack] = filesOf(join(repository, 'data'));
  if (pack === undefined) return;
  const bytes = readFileSync(pack);
  const part = bytes.subarray(0, Math.floor(bytes.length * random()));
  const name = createHash('sha256').update(part).digest('hex');
  const folder = join(repository, 'data', name.slice(0, 2));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), part);
  writeFileSync(join(repository, 'data', `${basename(pack)}-tmp-1234`), part);
}

function filesOf(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
  return names.map((name) => join(folder, name)).filter((path) => lstatSync(path).isFile());
}

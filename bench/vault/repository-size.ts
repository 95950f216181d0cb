import { lstatSync } from 'node:fs';
import { filesBelow } from './files-below.ts';

/** Bytes of all files of a repository. */
export function repositoryBytes(folder: string): number {
  return filesBelow(folder).reduce((bytes, file) => bytes + lstatSync(file).size, 0);
}

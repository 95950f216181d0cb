import { delimiter } from 'node:path';
import type { Output } from './output.ts';

/** A folder of programs, and whether this shell finds them. */
export function formatToolFolder(out: Output, folder: string, path = ''): string {
  return path.split(delimiter).includes(folder)
    ? folder
    : `${folder}  ${out.paint('yellow', 'not on the PATH here')}`;
}

import { execFileSync } from 'node:child_process';
import { constants } from 'node:fs';
import type { Posix } from '../../../lib/posix.ts';

/** Throws `EEXIST` when something is there. */
export function makeFifo(path: string, posix: Posix | undefined): void {
  if (posix) posix.makeNode(path, constants.S_IFIFO | 0o600, 0);
  else execFileSync('mkfifo', ['-m', '600', '--', path], { stdio: 'ignore' });
}

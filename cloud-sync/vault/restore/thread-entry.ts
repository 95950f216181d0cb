import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The program of a restoring thread: what `scripts/build.ts` laid beside the built program, or the source beside this file. */
export function threadEntry(): string {
  const built = fileURLToPath(new URL('vault-restore-thread.mjs', import.meta.url));
  return existsSync(built) ? built : fileURLToPath(new URL('restore-thread.ts', import.meta.url));
}

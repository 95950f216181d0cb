import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The program of a thread: what `scripts/build.ts` laid beside the built program, or the source. */
export function threadEntry(built: string, source: URL): URL {
  const beside = new URL(built, import.meta.url);
  return existsSync(fileURLToPath(beside)) ? beside : source;
}

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const sourcesSchema = z.array(z.string());
const name = 'staged.json';

/**
 * Mounts at paths that any user reaches: the agent's own folder is root's alone, and bwrap looks mounts up as the app's user. In a
 * mount namespace of its own, so that nobody else sees them and they end with it. Over /sys, which is everywhere, holds nobody's
 * data, and is in no sandbox.
 */
const script = `
mount -t tmpfs -o mode=711,nosuid,nodev,noexec,size=1m holdfast /sys || exit 1
count=0
while [ "$1" != -- ]; do
  if [ -d "$1" ]; then mkdir "/sys/$count"; else : >"/sys/$count"; fi || exit 1
  mount --rbind "$1" "/sys/$count" || exit 1
  count=$((count + 1))
  shift
done
shift
exec "$@"
`;

/** Where sources are once `stagedCommand` has mounted them. */
export class StagedSources {
  readonly #sources: string[] = [];

  pathOf(source: string): string {
    const known = this.#sources.indexOf(source);
    return `/sys/${known === -1 ? this.#sources.push(source) - 1 : known}`;
  }

  /** For every command of the run to come. */
  async save(folder: string): Promise<void> {
    await writeFile(join(folder, name), JSON.stringify(this.#sources), { mode: 0o600 });
  }
}

/** `command` with the sources of this run mounted. */
export async function stagedCommand(folder: string, command: readonly string[]): Promise<string[]> {
  const sources = sourcesSchema.parse(JSON.parse(await readFile(join(folder, name), 'utf8')));
  const namespace = ['unshare', '--mount', '--propagation', 'slave'];
  return [...namespace, 'sh', '-c', script, 'holdfast-stage', ...sources, '--', ...command];
}

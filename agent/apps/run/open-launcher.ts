import { join } from 'node:path';
import type { Logger } from '../../../lib/logger.ts';
import { makeFolder } from '../../../lib/make-folder.ts';
import { openPosix } from '../../../lib/posix.ts';
import type { Launcher } from '../ports.ts';
import { AppLauncher } from './app-launcher.ts';
import { openControlGroups } from './control-groups.ts';
import { findEngines } from './find-engines.ts';

export type LauncherOptions = {
  /** The agent's folder; the caller alone works in it. */
  readonly root: string;
  readonly logger: Logger;
  /** Folders with programs, by default those of this process. */
  readonly path?: string;
};

/**
 * What runs apps on this machine. Looks for runtimes, sandboxes and control groups, and tries them out. Disposing of it stops no app:
 * it ends looking after them, and the next one adopts them.
 */
export async function openLauncher({
  root,
  logger,
  path = process.env.PATH ?? '',
}: LauncherOptions): Promise<Launcher & AsyncDisposable> {
  const folder = join(root, 'apps', 'run');
  await makeFolder(join(root, 'apps'), { mode: 0o711 });
  await makeFolder(folder, { mode: 0o700 });
  const [found, groups] = await Promise.all([findEngines(path), openControlGroups()]);
  return new AppLauncher({ folder, logger, groups, posix: openPosix(), ...found });
}

import { stat } from 'node:fs/promises';
import type { LaunchSpec } from '../ports.ts';
import type { MountPoint } from './root-folder.ts';

/** What a tree must have for the mounts of an app, and for its working directory: runtimes would make it there. */
export async function mountPointsOf({ mounts, cwd }: LaunchSpec): Promise<MountPoint[]> {
  const points = await Promise.all(
    mounts.map(async ({ source, target }): Promise<MountPoint> => {
      return { target, kind: (await stat(source)).isDirectory() ? 'folder' : 'file' };
    }),
  );
  return [...points, { target: cwd, kind: 'folder' }];
}

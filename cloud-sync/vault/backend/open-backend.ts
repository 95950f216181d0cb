import { isAbsolute, normalize } from 'node:path';
import { SyncError } from '../../errors.ts';
import type { VaultBackend } from './backend.ts';
import { openFolderBackend } from './folder-backend.ts';

/** Opens what a location names: `/absolute/folder` (also `local:/absolute/folder`, as restic writes it). Connects to nothing yet. Rejects others with `badRequest`. */
export function openBackend(location: string): VaultBackend {
  const folder = location.startsWith('local:') ? location.slice('local:'.length) : location;
  if (isAbsolute(folder) && !folder.includes('\0')) return openFolderBackend(normalize(folder));
  if (location.startsWith('s3:')) {
    throw new SyncError('badRequest', `Cannot open ${JSON.stringify(location)}: S3 is not supported yet`, {
      hint: 'Use a folder or a REST server (rclone serves S3 as one: rclone serve restic).',
    });
  }
  throw new SyncError('badRequest', `Cannot open ${JSON.stringify(location)}: it names no repository`, {
    hint: 'Give the absolute path of a folder, or rest:https://host/path/.',
  });
}

import { isAbsolute, normalize } from 'node:path';
import { SyncError } from '../../errors.ts';
import type { VaultBackend } from './backend.ts';
import { openFolderBackend } from './folder-backend.ts';
import { openRestBackend, type RestBackendOptions } from './rest-backend.ts';

/** What a REST server trusts and is trusted by; unused for a folder. */
export type BackendCredentials = Omit<RestBackendOptions, 'url'>;

/**
 * Opens what a location names: `/absolute/folder` (also `local:/absolute/folder`, as restic writes it), or `rest:https://host/path/`.
 * Connects to nothing yet. @throws SyncError 'badRequest' for others
 */
export function openBackend(location: string, credentials: BackendCredentials = {}): VaultBackend {
  if (location.startsWith('rest:')) {
    return openRestBackend({ ...credentials, url: location.slice('rest:'.length) });
  }
  const folder = location.startsWith('local:') ? location.slice('local:'.length) : location;
  if (isAbsolute(folder) && !folder.includes('\0')) return openFolderBackend(normalize(folder));
  if (location.startsWith('s3:')) {
    throw new SyncError('badRequest', `Cannot open ${withoutLogin(location)}: S3 is not supported yet`, {
      hint: 'Use a folder or a REST server (rclone serves S3 as one: rclone serve restic).',
    });
  }
  throw new SyncError('badRequest', `Cannot open ${withoutLogin(location)}: it names no repository`, {
    hint: 'Give the absolute path of a folder, or rest:https://host/path/.',
  });
}

const withoutLogin = (location: string) => JSON.stringify(location.replace(/\/\/[^/]*@/, '//'));

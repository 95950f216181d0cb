import { resolve } from 'node:path';
import type { VaultBackend } from '../../cloud-sync/vault/backend/backend.ts';
import { openBackend } from '../../cloud-sync/vault/backend/open-backend.ts';
import type { Run } from '../run.ts';
import type { VaultOptions } from './vault-options.ts';

/** Connects to nothing yet. A path may be relative here, where a person typed it. */
export function openLocation(_run: Run, location: string, _options: VaultOptions): Promise<VaultBackend> {
  return Promise.resolve(openBackend(/^[a-z][a-z0-9]+:/.test(location) ? location : resolve(location)));
}

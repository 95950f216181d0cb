import { SyncError } from '../../errors.ts';
import { deviceNameSchema } from '../../protocol/api.ts';
import { isBlobId } from '../../vault/format/blob-id.ts';
import { folderTypes, type FolderType, type VaultPlace } from './vault-place.ts';

/** What a path under `/vault/` names. */
export type VaultTarget =
  | { readonly kind: 'repository'; readonly device: string }
  | { readonly kind: 'folder'; readonly device: string; readonly type: FolderType }
  | { readonly kind: 'file'; readonly device: string; readonly place: VaultPlace };

const maxPathChars = 256;

/**
 * Reads the raw path of a URL: names are taken as they are written, so that no encoding hides a slash or a dot.
 * @throws SyncError 'notFound', or 'badRequest' for a name that is no SHA-256
 */
export function parseVaultTarget(path: string): VaultTarget {
  const [, device = '', rest = ''] = /^\/vault\/([^/]+)(?:\/(.*))?$/.exec(path.slice(0, maxPathChars)) ?? [];
  if (!deviceNameSchema.safeParse(device).success) throw nothingThere(path);
  if (rest === '') return { kind: 'repository', device };
  if (rest === 'config') return { kind: 'file', device, place: { device, type: 'config', name: '' } };
  const [, folder, name = ''] = /^([a-z]+)(?:\/(.*))?$/.exec(rest) ?? [];
  const type = folderTypes.find((known) => known === folder);
  if (type === undefined) throw nothingThere(path);
  if (name === '') return { kind: 'folder', device, type };
  if (!isBlobId(name)) {
    throw new SyncError('badRequest', `The name of a file of ${type} is 64 hexadecimal digits in lower case`);
  }
  return { kind: 'file', device, place: { device, type, name } };
}

const nothingThere = (path: string) =>
  new SyncError('notFound', `A vault has nothing at ${path.slice(0, maxPathChars)}`, {
    hint: 'A repository is at /vault/DEVICE/.',
  });

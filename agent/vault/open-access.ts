import { SyncError } from '../../cloud-sync/errors.ts';
import { openBackend } from '../../cloud-sync/vault/backend/open-backend.ts';
import type { VaultBackend } from '../../cloud-sync/vault/backend/backend.ts';
import { createDeviceVault, ensureOwnerSlot } from '../../cloud-sync/vault/keys/device-slots.ts';
import { openVault, type OpenedVault } from '../../cloud-sync/vault/keys/open-vault.ts';
import { isCodedError } from '../../lib/coded-error.ts';
import type { Logger } from '../../lib/logger.ts';
import type { VaultAccess } from './job-protocol.ts';

export type OpenedAccess = OpenedVault & { readonly ownerSlot: string | null };

/**
 * Opens the repository of a device by its own slot, and makes it at its first use; sees to the slot of the trusted owner. A store
 * that lost the repository, or has another one in its place, is an error: history does not begin anew in silence.
 */
export async function openAccess(
  access: VaultAccess,
  { signal, logger }: { readonly signal: AbortSignal; readonly logger: Logger },
): Promise<OpenedAccess> {
  const { owner, device: host } = access;
  await using stack = new AsyncDisposableStack();
  const backend = stack.use(backendOf(access));
  const opened = await openOrCreate(backend, access, signal);
  requireSame(access, opened.repository.id);
  const ownerSlot =
    opened.ownerSlot ??
    (owner &&
      (await ensureOwnerSlot(opened.repository, {
        ...{ owner: owner.publicKey, known: owner.slot, host, signal },
      }).catch((error: unknown) => unlessTooMany(error, logger))));
  stack.move();
  return { ...opened, ownerSlot };
}

/** Connects to nothing yet. */
export function backendOf({ location, http }: Pick<VaultAccess, 'location' | 'http'>): VaultBackend {
  const { login, ca, identity } = http;
  const url = login === undefined ? location : withLogin(location, login);
  return openBackend(url, { ...(ca !== undefined && { ca }), ...(identity && { identity }) });
}

async function openOrCreate(
  backend: VaultBackend,
  { secret: text, slot, repositoryId, device: host, owner }: VaultAccess,
  signal: AbortSignal,
): Promise<OpenedAccess> {
  try {
    const secret = { kind: 'device', text } as const;
    const opened = await openVault(backend, { secret, slot: slot ?? undefined, signal });
    return { ...opened, ownerSlot: null };
  } catch (error) {
    if (!isCodedError(error) || error.code !== 'noRepository') throw error;
    if (repositoryId === null) {
      return createDeviceVault(backend, { host, secret: text, owner: owner?.publicKey, signal });
    }
    throw new SyncError(
      'stale',
      `The repository ${repositoryId.slice(0, 8)} is gone from ${backend.location}`,
      {
        cause: error,
        hint: 'Bring it back, or see that its disk is mounted. To begin a new one in its place: holdfast vault accept.',
      },
    );
  }
}

/** Throws `stale` when another repository lies where the one that is known did. */
export function requireSame(
  { repositoryId, location }: Pick<VaultAccess, 'repositoryId' | 'location'>,
  id: string,
): void {
  if (repositoryId === null || repositoryId === id) return;
  throw new SyncError(
    'stale',
    `${location.replace(/\/\/[^/]*@/, '//')} holds the repository ${id.slice(0, 8)}, not ${repositoryId.slice(0, 8)} as before`,
    { hint: 'Somebody exchanged it: bring the old one back. To go on with this one: holdfast vault accept.' },
  );
}

function withLogin(location: string, login: string): string {
  const url = new URL(location.slice('rest:'.length));
  const colon = login.indexOf(':');
  url.username = encodeURIComponent(colon < 0 ? login : login.slice(0, colon));
  url.password = colon < 0 ? '' : encodeURIComponent(login.slice(colon + 1));
  return `rest:${url.href}`;
}

/** So many key files that none is added: the next job tries again. Snapshots go on meanwhile, and keys can be listed and removed. */
function unlessTooMany(error: unknown, logger: Logger): null {
  if (!isCodedError(error) || error.code !== 'conflict') throw error;
  logger.warn('vault.owner.slot.refused', { error });
  return null;
}

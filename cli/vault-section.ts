import { createOwnerKey, openOwnerKey } from '../cloud-sync/vault/keys/owner-key.ts';
import { ownerFingerprint, ownerPublicKey } from '../cloud-sync/vault/keys/owner-public-key.ts';
import type { JsonObject, JsonValue } from '../manifests/index.ts';

export type VaultSectionRequest = {
  readonly document: JsonObject;
  /** The machine file that stands where the new one will go. */
  readonly previous: JsonObject | undefined;
  readonly passphrase: string | undefined;
};

/**
 * The document of a machine file: with volumes to snapshot and a passphrase, `vault.owner` says who can open the repository besides the
 * device. The key of the file before is kept, as older snapshots are sealed to it. Rejects with SyncError 'wrongPassphrase' when the
 * passphrase does not open the key that is there.
 */
export async function completeVault({
  document,
  previous,
  passphrase,
}: VaultSectionRequest): Promise<JsonObject> {
  const present = ownerOf(document) ?? (previous && ownerOf(previous));
  if (passphrase !== undefined && present !== undefined) await openOwnerKey(present, passphrase);
  if (!hasSnapshots(document)) return document;
  const owner = present ?? (passphrase === undefined ? undefined : await createOwnerKey(passphrase));
  if (owner === undefined) return document;
  return { ...document, vault: { ...(isObject(document.vault) ? document.vault : {}), owner } };
}

/** The fingerprint of the document's owner key, which the device shows too; undefined without one. */
export function documentFingerprint(document: JsonObject): string | undefined {
  const owner = ownerOf(document);
  return owner === undefined ? undefined : ownerFingerprint(ownerPublicKey(owner));
}

/** Whether a volume of the document is snapshotted. */
export function hasSnapshots({ volumes }: JsonObject): boolean {
  return (
    isObject(volumes) &&
    Object.values(volumes).some((volume) => isObject(volume) && typeof volume.snapshot === 'string')
  );
}

function ownerOf({ vault }: JsonObject): string | undefined {
  return isObject(vault) && typeof vault.owner === 'string' ? vault.owner : undefined;
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

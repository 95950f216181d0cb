import {
  certificatePin,
  createRecoveryKey,
  openRecoveryKey,
  readCertificate,
} from '../cloud-sync/trust/index.ts';
import type { JsonObject } from '../manifests/index.ts';
import type { Context } from './context.ts';

export type ControlRequest = {
  readonly document: JsonObject;
  readonly context: Context;
  /** The machine file that stands where the new one will go. */
  readonly previous: JsonObject | undefined;
  readonly passphrase: string | undefined;
};

export type CompletedControl = {
  readonly document: JsonObject;
  /** The public half of the recovery key, when it was made just now. */
  readonly madeKey: string | undefined;
};

/**
 * The document of a machine file: `control` names the cloud, its CA, and with a passphrase a recovery key. The key of the
 * file before is kept, so that the same input gives the same digest again and older copies of the file stay good.
 */
export async function completeControl({
  document,
  context,
  previous,
  passphrase,
}: ControlRequest): Promise<CompletedControl> {
  const url = textAt(document, 'url') ?? context.url;
  const ca =
    textAt(document, 'ca') ?? (url === context.url ? certificatePin(readCertificate(context.ca)) : undefined);
  const present = textAt(document, 'recovery') ?? (previous && textAt(previous, 'recovery'));
  const made =
    present === undefined && passphrase !== undefined ? await createRecoveryKey(passphrase) : undefined;
  const recovery = present ?? made?.wrapped;
  const control = { url, ...(ca !== undefined && { ca }), ...(recovery !== undefined && { recovery }) };
  return { document: { ...document, control }, madeKey: made?.publicKey };
}

/**
 * The public half of the document's recovery key, for the cloud to know; undefined without a key or a passphrase.
 * Rejects with SyncError 'wrongPassphrase', so that nobody learns of a forgotten one on the day of the restore.
 */
export async function recoveryPublicKey(
  document: JsonObject,
  passphrase: string | undefined,
): Promise<string | undefined> {
  const recovery = textAt(document, 'recovery');
  if (recovery === undefined || passphrase === undefined) return undefined;
  return (await openRecoveryKey(recovery, passphrase)).publicKey;
}

export function hasRecovery(document: JsonObject): boolean {
  return textAt(document, 'recovery') !== undefined;
}

function textAt({ control }: JsonObject, key: 'url' | 'ca' | 'recovery'): string | undefined {
  const value = isObject(control) ? control[key] : undefined;
  return typeof value === 'string' ? value : undefined;
}

function isObject(value: JsonObject[string] | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

import { randomBytes } from 'node:crypto';

/** What everything in a repository is encrypted and authenticated with: AES-256-CTR and Poly1305-AES. 64 bytes in all. */
export type MasterKey = {
  /** 32 bytes. */
  readonly encrypt: Buffer;
  readonly mac: {
    /** 16 bytes: AES-128 over the nonce. */
    readonly k: Buffer;
    /** 16 bytes: of Poly1305. */
    readonly r: Buffer;
  };
};

export function createMasterKey(): MasterKey {
  return masterKeyFrom(randomBytes(64));
}

/** `bytes`: encrypt, mac.k, mac.r in this order, as scrypt derives them too. */
export function masterKeyFrom(bytes: Uint8Array): MasterKey {
  if (bytes.byteLength !== 64) throw new RangeError(`A master key has 64 bytes, not ${bytes.byteLength}`);
  const copy = Buffer.from(bytes);
  return { encrypt: copy.subarray(0, 32), mac: { k: copy.subarray(32, 48), r: copy.subarray(48, 64) } };
}

export function masterKeyBytes({ encrypt, mac }: MasterKey): Buffer {
  return Buffer.concat([encrypt, mac.k, mac.r]);
}

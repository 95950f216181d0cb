import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  randomFillSync,
  type KeyObject,
} from 'node:crypto';
import { SyncError } from '../../errors.ts';
import { releaseBytes } from '../release-bytes.ts';
import type { MasterKey } from './master-key.ts';
import { openNativeCtr } from './native-ctr.ts';
import { openPoly1305 } from './poly1305.ts';

const ivBytes = 16;
const macBytes = 16;
const ivsAtOnce = 256;

/** Of this thread. */
const native = openNativeCtr();
const poly1305 = openPoly1305();

/** What sealing adds: the initialisation vector before and the authentication code after the ciphertext. */
export const sealOverheadBytes = ivBytes + macBytes;

/**
 * AES-256-CTR under a fresh random IV, and Poly1305-AES (Bernstein, 2005) over the ciphertext with the same IV as its nonce: how every
 * blob and file of a restic repository is encrypted. Synchronous; one for each thread.
 */
export class Sealer {
  readonly #encryptionKey: KeyObject;
  /** The same, for foreign calls. */
  readonly #rawKey: Uint8Array;
  readonly #nonceCipher;
  /** r, then AES-128(k, IV): the key of one code. */
  readonly #oneTimeKey = Buffer.alloc(32);
  readonly #ivs = Buffer.allocUnsafeSlow(ivsAtOnce * ivBytes);
  /** AES-128(k, IV) of each. */
  #nonces = Buffer.alloc(0);
  #ivOffset = ivsAtOnce * ivBytes;

  constructor(key: MasterKey) {
    this.#encryptionKey = createSecretKey(key.encrypt);
    this.#rawKey = key.encrypt;
    this.#nonceCipher = createCipheriv('aes-128-ecb', key.mac.k, null);
    this.#oneTimeKey.set(key.mac.r);
  }

  /** IV, ciphertext and authentication code in a buffer of its own. */
  seal(plain: Uint8Array): Buffer {
    const sealed = Buffer.allocUnsafe(plain.byteLength + sealOverheadBytes);
    this.sealInto(sealed, plain);
    return sealed;
  }

  /** The same, written to `sealed`: `sealOverheadBytes` more than `plain`, with which it must not overlap. */
  sealInto(sealed: Buffer, plain: Uint8Array): void {
    const at = this.#nextIv();
    const iv = this.#ivs.subarray(at, at + ivBytes);
    sealed.set(iv);
    const ciphertext = sealed.subarray(ivBytes, -macBytes);
    if (plain.byteLength !== ciphertext.byteLength) {
      throw new RangeError(`${plain.byteLength} bytes cannot be sealed into ${sealed.byteLength}`);
    }
    if (plain.byteLength > 0) this.#encrypt(iv, plain, ciphertext);
    this.#oneTimeKey.set(this.#nonces.subarray(at, at + ivBytes), macBytes);
    poly1305.authenticate(sealed.subarray(-macBytes), ciphertext, this.#oneTimeKey);
  }

  /** The plain bytes of what `seal` returned. Rejects anything else with `corrupt`; compares in constant time. [G8] */
  open(sealed: Uint8Array): Buffer {
    const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
    if (bytes.byteLength < sealOverheadBytes) {
      throw new SyncError(
        'corrupt',
        `Cannot decrypt ${bytes.byteLength} bytes: no sealed text is that short`,
      );
    }
    const iv = bytes.subarray(0, ivBytes);
    const ciphertext = bytes.subarray(ivBytes, -macBytes);
    const mac = bytes.subarray(-macBytes);
    if (!poly1305.verify(mac, ciphertext, this.#oneTimeKeyOf(iv))) {
      throw new SyncError(
        'corrupt',
        `Cannot decrypt ${bytes.byteLength} bytes: their authentication code does not fit them`,
      );
    }
    if (ciphertext.byteLength === 0) return Buffer.alloc(0);
    return createDecipheriv('aes-256-ctr', this.#encryptionKey, iv).update(ciphertext);
  }

  #encrypt(iv: Uint8Array, plain: Uint8Array, target: Uint8Array): void {
    if (native !== undefined) {
      native.encrypt({ key: this.#rawKey, iv, plain, target });
      return;
    }
    const encrypted = createCipheriv('aes-256-ctr', this.#encryptionKey, iv).update(plain);
    target.set(encrypted);
    releaseBytes(encrypted);
  }

  #oneTimeKeyOf(iv: Uint8Array): Buffer {
    this.#oneTimeKey.set(this.#nonceCipher.update(iv), macBytes);
    return this.#oneTimeKey;
  }

  /** Where the next one is. They come in blocks: a call or two for each of ten thousand small blobs would cost more than their encryption. */
  #nextIv(): number {
    if (this.#ivOffset === this.#ivs.byteLength) {
      randomFillSync(this.#ivs);
      this.#nonces = this.#nonceCipher.update(this.#ivs);
      this.#ivOffset = 0;
    }
    this.#ivOffset += ivBytes;
    return this.#ivOffset - ivBytes;
  }
}

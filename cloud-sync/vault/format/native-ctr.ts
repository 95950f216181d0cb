import { loadFfi } from '../../../lib/load-ffi.ts';

/** The AES of node's own OpenSSL, writing where it is told to: node:crypto makes a buffer, and an object, for each text. */
export type NativeCtr = {
  /** AES-256-CTR. `target` has the length of `plain`, 2 GiB at most; neither is empty, and they do not overlap. */
  encrypt(texts: CtrTexts): void;
};

type CtrTexts = {
  readonly key: Uint8Array;
  readonly iv: Uint8Array;
  readonly plain: Uint8Array;
  readonly target: Uint8Array;
};

const signatures = {
  EVP_CIPHER_CTX_new: { arguments: [], return: 'pointer' },
  EVP_aes_256_ctr: { arguments: [], return: 'pointer' },
  EVP_EncryptInit_ex: { arguments: ['pointer', 'pointer', 'pointer', 'pointer', 'pointer'], return: 'i32' },
  EVP_EncryptUpdate: { arguments: ['pointer', 'pointer', 'pointer', 'pointer', 'i32'], return: 'i32' },
} as const;

/** Undefined where there is no foreign function interface, or a node that does not show its OpenSSL. One a thread, for its life. */
export function openNativeCtr(): NativeCtr | undefined {
  try {
    return nativeCtr();
  } catch {
    return undefined;
  }
}

function nativeCtr(): NativeCtr {
  const ffi = loadFfi();
  const openssl = ffi.dlopen(null, signatures).functions;
  const context = openssl.EVP_CIPHER_CTX_new();
  const written = Buffer.alloc(4);
  const writtenAddress = ffi.getRawPointer(written);
  let cipher: bigint | null = openssl.EVP_aes_256_ctr();
  if (context === 0n || cipher === 0n) throw new Error('OpenSSL gives no AES-256-CTR');
  return {
    encrypt: ({ key, iv, plain, target }) => {
      const length = plain.byteLength;
      if (target.byteLength !== length) throw new RangeError(`${length} bytes into ${target.byteLength}`);
      const began = openssl.EVP_EncryptInit_ex(context, cipher, null, key, iv);
      // Named once: the context keeps it.
      cipher = null;
      if (began === 1 && openssl.EVP_EncryptUpdate(context, target, writtenAddress, plain, length) === 1) {
        if (written.readInt32LE() === length) return;
      }
      throw new Error(`OpenSSL does not encrypt ${length} bytes`);
    },
  };
}

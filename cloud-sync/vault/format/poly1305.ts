import { createRequire } from 'node:module';

/** Poly1305 (RFC 8439) of libsodium: tags of 16 bytes, keys of 32 for one message each. Lengths are not looked at: callers cut them. */
export type Poly1305 = {
  /** Writes the tag of a message. */
  authenticate(tag: Uint8Array, message: Uint8Array, key: Uint8Array): void;
  /** In constant time. */
  verify(tag: Uint8Array, message: Uint8Array, key: Uint8Array): boolean;
};

/** What sodium-native and the binary in it have in common: the one returns nothing and throws, the other a number, 0 when all is well. */
type Sodium = {
  readonly crypto_onetimeauth: (tag: Uint8Array, message: Uint8Array, key: Uint8Array) => number | undefined;
  readonly crypto_onetimeauth_verify: (tag: Uint8Array, message: Uint8Array, key: Uint8Array) => boolean;
};

/** In its package. */
export const sodiumBinary = `sodium-native/prebuilds/${process.platform}-${process.arch}/sodium-native.node`;

/**
 * From the binary for this platform: the package looks for it in all places where one may be, which takes ten times as long as to load it,
 * and again in each thread. Where it is elsewhere, the package finds it.
 */
export function openPoly1305(binary = sodiumBinary): Poly1305 {
  const load = createRequire(import.meta.url) as (name: string) => Sodium;
  const sodium = tryTo(() => load(binary)) ?? load('sodium-native');
  return {
    authenticate: (tag, message, key) => {
      const status = sodium.crypto_onetimeauth(tag, message, key) ?? 0;
      if (status !== 0) throw new Error(`libsodium makes no tag of ${message.byteLength} bytes: ${status}`);
    },
    verify: (tag, message, key) => sodium.crypto_onetimeauth_verify(tag, message, key),
  };
}

function tryTo<T>(load: () => T): T | undefined {
  try {
    return load();
  } catch {
    return undefined;
  }
}

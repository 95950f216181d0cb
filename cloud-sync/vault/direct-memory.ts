import { directBlockBytes } from '../../lib/direct-access.ts';
import { loadFfi } from '../../lib/load-ffi.ts';

/** How much memory it takes to have `bytes` of it that begin with a block. */
export function directMemoryBytes(bytes: number): number {
  return bytes + directBlockBytes;
}

/**
 * A function that makes memory a disk can take bytes from by itself (`O_DIRECT`), beginning at a multiple of `directBlockBytes`: new
 * memory, or that of an earlier call, an ArrayBuffer of `directMemoryBytes(bytes)`. Where there is no node:ffi (node 24) it begins
 * anywhere: what is written from it is copied by the system first.
 */
export function openDirectMemory(): (bytes: number, used?: ArrayBuffer) => Buffer<ArrayBuffer> {
  const addressOf = rawPointers();
  return (bytes, used = Buffer.allocUnsafeSlow(directMemoryBytes(bytes)).buffer) => {
    const past = Number(addressOf(used) % BigInt(directBlockBytes));
    return Buffer.from(used, (directBlockBytes - past) % directBlockBytes, bytes);
  };
}

function rawPointers(): (memory: ArrayBuffer) => bigint {
  try {
    const ffi = loadFfi();
    return (memory) => ffi.getRawPointer(memory);
  } catch {
    return () => 0n;
  }
}

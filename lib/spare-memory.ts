import { setFlagsFromString } from 'node:v8';
import { loadFfi } from './load-ffi.ts';

/** For a process that has one job with much short-lived data: its young heap stays at some megabytes instead of growing to fifty. */
export function keepYoungHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}

/**
 * A function that gives memory which was freed back to the system: glibc keeps it, a pool for each thread, and what is freed in the
 * middle of such a pool for good. It takes some milliseconds. Does nothing where there is no node:ffi (node 24) or another C library.
 */
export function openMemoryTrim(): () => void {
  try {
    const ffi = loadFfi();
    const { functions } = ffi.dlopen(null, { malloc_trim: { arguments: ['u64'], return: 'i32' } });
    return () => void functions.malloc_trim(0n);
  } catch {
    return () => undefined;
  }
}

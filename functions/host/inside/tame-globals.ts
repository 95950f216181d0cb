import { tameWebAssembly } from './web-assembly.ts';

/**
 * Takes from the language what a tenant could measure time or watch the collector with, or wait for others.
 * In each isolate: V8 adds WebAssembly and the like after it has read a snapshot.
 */
export function tameGlobals(): void {
  tameWebAssembly();
  // Atomics is of use with shared memory only; the registry tells when the collector runs.
  for (const name of ['Atomics', 'SharedArrayBuffer', 'FinalizationRegistry']) {
    Reflect.deleteProperty(globalThis, name);
  }
}

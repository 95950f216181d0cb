/**
 * Flags of V8 in a host process. No SharedArrayBuffer, which is a fine clock for side channels; WebAssembly memories of at most 32 MiB.
 * A start-up snapshot fits only a process with the very same.
 */
export const v8Flags: readonly string[] = [
  '--enable-sharedarraybuffer-per-context',
  '--wasm-max-mem-pages=512',
];

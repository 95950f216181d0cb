/**
 * Flags of V8 in a host process. No SharedArrayBuffer, which is a fine clock for side channels; WebAssembly memories of at most 32 MiB.
 * One thread beside those of the isolates collects garbage and compiles: four of them, the default, take the processors of a small
 * device away from the neighbours of a function that fills its memory. A start-up snapshot fits only a process with the very same.
 */
export const v8Flags: readonly string[] = [
  '--enable-sharedarraybuffer-per-context',
  '--wasm-max-mem-pages=512',
  '--v8-pool-size=1',
];

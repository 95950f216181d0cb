/**
 * Flags of V8 in a host process. No SharedArrayBuffer, which is a fine clock for side channels; WebAssembly memories of at most 32 MiB.
 * One thread beside those of the isolates compiles: four of them, the default, take the processors of a small device away from the
 * neighbours of a function that fills its memory. Garbage is collected on the thread that made it: a handler leaves little behind, so
 * that waking helpers costs more than they do, and what a function's garbage takes is counted as its own CPU time. A start-up
 * snapshot fits only a process with the very same.
 */
export const v8Flags: readonly string[] = [
  '--enable-sharedarraybuffer-per-context',
  '--wasm-max-mem-pages=512',
  '--v8-pool-size=1',
  '--single-threaded-gc',
];

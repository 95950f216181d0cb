/**
 * Flags of V8 in a host process. No SharedArrayBuffer, which is a fine clock for side channels; WebAssembly memories of at most 32 MiB.
 * One thread beside those of the isolates compiles: four of them, the default, take the processors of a small device away from the
 * neighbours of a function that fills its memory. Nothing of a collection runs beside the isolate, nor is it divided among threads: a
 * handler leaves little behind, so that helpers cost more than they do. V8 (14.6) may still have that other thread do the whole of a
 * young collection; the isolate waits for it, and what isolated-vm counts as its CPU time goes on meanwhile. A start-up snapshot fits only
 * a process with the very same.
 */
export const v8Flags: readonly string[] = [
  '--enable-sharedarraybuffer-per-context',
  '--wasm-max-mem-pages=512',
  '--v8-pool-size=1',
  '--single-threaded-gc',
];

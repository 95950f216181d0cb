/**
 * WebAssembly as far as it is used here: the libraries of ECMAScript and @types/node do not declare it, and the library of
 * the DOM declares far more than functions have.
 */
declare namespace WebAssembly {
  type Exports = Record<string, unknown>;
  interface Module {
    readonly [Symbol.toStringTag]: string;
  }
  interface Instance {
    readonly exports: Exports;
  }
  interface Memory {
    readonly buffer: ArrayBuffer;
    grow(pages: number): number;
  }
  const Module: new (bytes: BufferSource) => Module;
  const Instance: new (module: Module, imports?: Record<string, Record<string, unknown>>) => Instance;
  const Memory: new (descriptor: { readonly initial: number; readonly maximum?: number }) => Memory;
  function compile(bytes: BufferSource): Promise<Module>;
}

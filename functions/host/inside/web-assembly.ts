import { Response } from './web/response.ts';

/**
 * WebAssembly without shared memory, whose buffer would be a clock fine enough for side channels, and with `compile` and
 * `instantiate` that settle: V8 finishes them in tasks that isolates of ours do not run.
 */
export function tameWebAssembly(): void {
  type Descriptor = { initial?: number; maximum?: number; shared?: boolean };
  type Memory = object;
  type Wasm = {
    Memory: { new (descriptor: Descriptor): Memory; readonly prototype: object };
    Module: new (bytes: unknown) => object;
    Instance: new (module: object, imports?: unknown) => object;
  };
  const wasm = (globalThis as unknown as { WebAssembly: Wasm }).WebAssembly;
  const { Memory: Native, Module, Instance } = wasm;
  const { apply, construct, deleteProperty, defineProperty } = Reflect;

  const Memory = function (this: unknown, descriptor: Descriptor = {}) {
    const { initial, maximum, shared } = descriptor;
    if (shared) throw new TypeError('Shared memory is not available');
    // `shared` is named so that nothing on Object.prototype answers for it.
    const own = { initial, shared: false, ...(maximum === undefined ? {} : { maximum }) };
    return construct(Native, [own], new.target as unknown as typeof Native) as object;
  };
  const prototype = Native.prototype;
  const property = Object.getOwnPropertyDescriptor(prototype, 'buffer') as { get: () => unknown };
  const getBuffer: unknown = property.get;
  const ownBuffer = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, 'byteLength') as {
    get: () => unknown;
  };
  const getSize: unknown = ownBuffer.get;
  defineProperty(Memory, 'prototype', { value: prototype, writable: false });
  defineProperty(prototype, 'constructor', { value: Memory });
  defineProperty(prototype, 'buffer', {
    get(this: unknown) {
      const buffer: unknown = apply(getBuffer as () => unknown, this, []);
      try {
        // Throws for a shared buffer. `instanceof` would ask Symbol.hasInstance, which is the tenant's to bend.
        apply(getSize as () => unknown, buffer, []);
      } catch {
        throw new TypeError('Shared memory is not available');
      }
      return buffer;
    },
  });
  for (const method of ['toFixedLengthBuffer', 'toResizableBuffer']) deleteProperty(prototype, method);

  const compile = (bytes: unknown) => Promise.resolve().then(() => new Module(bytes));
  const instantiate = async (source: unknown, imports?: unknown) => {
    if (source instanceof Module) return new Instance(source, imports);
    const module = await compile(source);
    return { module, instance: new Instance(module, imports) };
  };
  const compileStreaming = async (source: unknown) => compile(await wasmBytes(source));
  const instantiateStreaming = async (source: unknown, imports?: unknown) =>
    instantiate(await wasmBytes(source), imports);
  const methods = { Memory, compile, instantiate, compileStreaming, instantiateStreaming };
  for (const [name, value] of Object.entries(methods)) {
    defineProperty(value, 'name', { value: name, configurable: true });
    defineProperty(wasm, name, { value, writable: true, configurable: true, enumerable: name !== 'Memory' });
  }
}

/** The body of a response that says it is WebAssembly; of a promise for one too. WebAssembly Web API §2. */
async function wasmBytes(source: unknown): Promise<ArrayBuffer> {
  const response = await source;
  if (!(response instanceof Response)) throw new TypeError('WebAssembly is streamed from a Response');
  const type = response.headers.get('content-type') ?? '';
  if (!/^application\/wasm$/i.test(type.trim()))
    throw new TypeError(`The content type is ${JSON.stringify(type)}, not application/wasm`);
  if (!response.ok) throw new TypeError(`The status of the response is ${response.status}`);
  return response.arrayBuffer();
}

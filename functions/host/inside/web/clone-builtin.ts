import { refuse } from './refuse-clone.ts';

/** Originals and their clones: an object that occurs twice is cloned once, a cycle stays one. */
export type Memory = Map<unknown, unknown>;

type Deeper = (inner: unknown) => unknown;

const errors: Readonly<Record<string, ErrorConstructor>> = {
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
};

/** Clones objects of the language that are more than their properties; undefined for others. Throws for those that are no data. */
export function cloneBuiltin(source: object, memory: Memory, deeper: Deeper): object | undefined {
  if (source instanceof Map) return cloneMap(source, memory, deeper);
  if (source instanceof Set) return cloneSet(source, memory, deeper);
  if (source instanceof Date) return new Date(source.getTime());
  if (source instanceof RegExp) return new RegExp(source.source, source.flags);
  if (source instanceof ArrayBuffer) return cloneBuffer(source);
  if (ArrayBuffer.isView(source)) return cloneView(source, deeper);
  if (source instanceof Error) {
    // One that has a class of its own in the platform is cloned as such.
    return Object.hasOwn(Object.getPrototypeOf(source) as object, 'code')
      ? undefined
      : cloneError(source, deeper);
  }
  if (
    source instanceof Boolean ||
    source instanceof Number ||
    source instanceof String ||
    source instanceof BigInt
  )
    return Object(source.valueOf()) as object;
  if (noData(source)) refuse(`A ${source.constructor.name}`);
  return undefined;
}

/** Of the language: array iterators, generators and their like. */
function isIterator(source: object): boolean {
  const { Iterator } = globalThis as unknown as { Iterator: new () => object };
  return source instanceof Iterator;
}

function noData(source: object): boolean {
  return (
    source instanceof Promise ||
    source instanceof WeakMap ||
    source instanceof WeakSet ||
    source instanceof WeakRef ||
    source instanceof Symbol ||
    isIterator(source) ||
    machinery.test(Object.prototype.toString.call(source))
  );
}

/** Modules of WebAssembly, formatters and the like hold what no property shows: a clone would be an empty object. */
const machinery = /^\[object (?:WebAssembly|Intl|Temporal)\./;

function cloneMap(source: Map<unknown, unknown>, memory: Memory, deeper: Deeper): Map<unknown, unknown> {
  const target = new Map();
  memory.set(source, target);
  for (const [key, value] of [...source]) target.set(deeper(key), deeper(value));
  return target;
}

function cloneSet(source: Set<unknown>, memory: Memory, deeper: Deeper): Set<unknown> {
  const target = new Set();
  memory.set(source, target);
  for (const value of [...source]) target.add(deeper(value));
  return target;
}

function cloneBuffer(source: ArrayBuffer): ArrayBuffer {
  const { detached, resizable, maxByteLength } = source as ArrayBuffer & {
    detached: boolean;
    resizable: boolean;
    maxByteLength: number;
  };
  if (detached) refuse('A detached ArrayBuffer');
  if (!resizable) return source.slice(0);
  const Resizable = ArrayBuffer as unknown as new (size: number, options: object) => ArrayBuffer;
  const target = new Resizable(source.byteLength, { maxByteLength });
  new Uint8Array(target).set(new Uint8Array(source));
  return target;
}

function cloneView(source: ArrayBufferView, deeper: Deeper): object {
  return viewLike(source)(deeper(source.buffer) as ArrayBuffer);
}

/** Makes a view of the same kind, place and length of another buffer, when that of `source` is gone too. */
export function viewLike(source: ArrayBufferView): (buffer: ArrayBuffer) => object {
  const { byteOffset, byteLength } = source;
  if (source instanceof DataView) return (buffer) => new DataView(buffer, byteOffset, byteLength);
  const { [Symbol.toStringTag]: tag, length } = source as Uint8Array;
  const Type = (globalThis as unknown as Record<string, typeof Uint8Array>)[tag] ?? Uint8Array;
  return (buffer) => new Type(buffer, byteOffset, length);
}

function cloneError(source: Error, deeper: Deeper): Error {
  const { name } = source;
  const Type = (Object.hasOwn(errors, name) ? errors[name] : undefined) ?? Error;
  const target = new Type();
  for (const key of ['message', 'stack', 'cause'] as const) {
    const property = Object.getOwnPropertyDescriptor(source, key);
    if (!property) continue;
    const value = key === 'cause' ? deeper(source.cause) : String(source[key]);
    Object.defineProperty(target, key, { value, writable: true, configurable: true });
  }
  return target;
}

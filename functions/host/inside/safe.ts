import type { Safe } from './types.ts';

/** Keeps the builtins the bridge uses, before the tenant can replace them. */
export function takeSafe(): Safe {
  const { apply, getPrototypeOf, deleteProperty } = Reflect;
  const { create, getOwnPropertyDescriptor } = Object;
  const { parse, stringify } = JSON;
  const NativePromise = Promise;
  const then: unknown = getOwnPropertyDescriptor(Promise.prototype, 'then')?.value;
  const Bytes = Uint8Array;
  const getter = (owner: unknown, key: PropertyKey): unknown =>
    (getOwnPropertyDescriptor(owner, key) as { get?: unknown } | undefined)?.get;
  const tag = getter(getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag);
  const RecordPrototype: unknown = Object.prototype;
  const ListPrototype: unknown = Array.prototype;
  const size = getter(ArrayBuffer.prototype, 'byteLength');
  const buffer = getter(getPrototypeOf(Uint8Array.prototype), 'buffer');

  /** By its internal slot: `instanceof` would ask Symbol.hasInstance, which is the tenant's to bend. */
  const isBuffer = (value: unknown): value is ArrayBuffer => {
    if (typeof value !== 'object' || value === null) return false;
    try {
      // What has no such slot throws, which costs more than a small handler: records and lists are known before.
      const prototype = getPrototypeOf(value);
      if (prototype === RecordPrototype || prototype === ListPrototype) return false;
      apply(size as () => unknown, value, []);
      return true;
    } catch {
      return false;
    }
  };

  /** A copy, so that what was checked is what travels. */
  const bytesOf = (value: unknown) => {
    if (isBuffer(value)) return new Bytes(new Bytes(value));
    // The tag of a typed array is an internal slot: it cannot be faked, and is undefined for anything else.
    if (apply(tag as () => unknown, value, []) !== 'Uint8Array') return undefined;
    return new Bytes(value as Uint8Array);
  };
  const { read, shown, withReasons } = takeShow(stringify);
  return {
    apply: (f, self, args) => apply(f as () => unknown, self, args) as unknown,
    empty: () => create(null) as Record<string, unknown>,
    drop: (table, key) => {
      deleteProperty(table, key);
    },
    parse: (json) => parse(json) as unknown,
    stringify: (value) => stringify(value),
    bytesOf,
    bufferOf: (bytes) => apply(buffer as () => ArrayBuffer, bytes, []),
    whenSettled: (value, ok, failed) => {
      apply(then as () => unknown, new NativePromise((resolve) => resolve(value)), [ok, failed]);
    },
    describe: (error, maxChars) => {
      const message = read(error, 'message', maxChars);
      const name = read(error, 'name', 128);
      if (message === '' && name === '')
        return {
          name: 'Error',
          message: shown(error, maxChars),
          stack: '',
          denied: false,
        };
      const denied = read(error, 'code', 128) === 'denied';
      return { name, message, stack: withReasons(error, maxChars), denied };
    },
  };
}

/** Of one error that are shown. */
const maxReasons = 8;

/** Shows what was thrown, whatever it is. */
function takeShow(stringify: (value: unknown) => unknown) {
  const text = String;
  const { apply } = Reflect;
  const slice: unknown = Object.getOwnPropertyDescriptor(String.prototype, 'slice')?.value;
  /** By what was there before the tenant could replace it. */
  const cut = (value: string, maxChars: number) =>
    apply(slice as () => string, value, [0, maxChars]) as string;
  const read = (error: unknown, key: 'name' | 'message' | 'stack' | 'code', maxChars: number) => {
    try {
      const value = (error as Record<string, unknown>)[key];
      return typeof value === 'string' ? cut(value, maxChars) : '';
    } catch {
      return '';
    }
  };
  const shown = (error: unknown, maxChars: number) => {
    try {
      const json = typeof error === 'object' ? (stringify(error) as string | undefined) : undefined;
      return cut(json ?? text(error), maxChars);
    } catch {
      return 'a value that cannot be shown';
    }
  };
  const member = (value: unknown, key: PropertyKey): unknown => {
    try {
      return (value as Record<PropertyKey, unknown> | null | undefined)?.[key];
    } catch {
      return undefined;
    }
  };
  /** The stack, then what caused the error and what an AggregateError holds: often the only word about what went wrong. */
  const withReasons = (error: unknown, maxChars: number): string => {
    let stack = read(error, 'stack', maxChars);
    let left = maxReasons;
    const add = (label: string, reason: unknown, depth: number) => {
      if (reason === undefined || depth > maxReasons || left-- <= 0 || stack.length >= maxChars) return;
      const own = read(reason, 'stack', maxChars);
      stack += `\n[${label}]: ${own === '' ? shown(reason, maxChars) : own}`;
      addReasons(reason, depth + 1);
    };
    const addReasons = (of: unknown, depth: number) => {
      if (typeof of !== 'object' || of === null) return;
      for (let at = 0; at < maxReasons; at++) add('error', member(member(of, 'errors'), at), depth);
      add('cause', member(of, 'cause'), depth);
    };
    if (stack !== '') addReasons(error, 1);
    return cut(stack, maxChars);
  };
  return { read, shown, withReasons };
}

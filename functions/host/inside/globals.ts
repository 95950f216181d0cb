import { makeConsole } from './console.ts';
import type { Random, Safe, Text } from './types.ts';
import { tameWebAssembly } from './web-assembly.ts';

export function makeEncodingClasses(text: Text) {
  const TextEncoder = class TextEncoder {
    readonly encoding = 'utf-8';
    encode(input: unknown = '') {
      return text.encode(String(input));
    }
  };
  const TextDecoder = class TextDecoder {
    readonly encoding = 'utf-8';
    readonly fatal: boolean;
    readonly ignoreBOM: boolean;
    constructor(label = 'utf-8', { fatal = false, ignoreBOM = false } = {}) {
      if (!/^\s*(utf-?8|unicode-1-1-utf-8)\s*$/i.test(label))
        throw new RangeError(`${label} is not supported; UTF-8 is`);
      this.fatal = fatal;
      this.ignoreBOM = ignoreBOM;
    }
    decode(input?: ArrayBuffer | ArrayBufferView) {
      if (input === undefined) return '';
      const bytes = ArrayBuffer.isView(input)
        ? new Uint8Array(input.buffer, input.byteOffset, input.byteLength)
        : new Uint8Array(input);
      const decoded = text.decode(bytes, this.fatal);
      return !this.ignoreBOM && decoded.startsWith('\uFEFF') ? decoded.slice(1) : decoded;
    }
  };
  return { TextEncoder, TextDecoder };
}

export function makeBase64() {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  const btoa = (input: unknown) => {
    const data = String(input);
    let output = '';
    for (let at = 0; at < data.length; at += 3) {
      const [a, b, c] = [data.charCodeAt(at), data.charCodeAt(at + 1), data.charCodeAt(at + 2)];
      if (a > 255 || b > 255 || c > 255) throw new RangeError('btoa takes characters up to U+00FF only');
      const bits = (a << 16) | ((b || 0) << 8) | (c || 0);
      output += alphabet.charAt(bits >> 18) + alphabet.charAt((bits >> 12) & 63);
      output += at + 1 < data.length ? alphabet.charAt((bits >> 6) & 63) : '=';
      output += at + 2 < data.length ? alphabet.charAt(bits & 63) : '=';
    }
    return output;
  };
  const atob = (input: unknown) => {
    const data = String(input)
      .replace(/[\t\n\f\r ]/g, '')
      .replace(/^((?:.{4})*.{2,3}?)={1,2}$/, '$1');
    if (data.length % 4 === 1 || /[^A-Za-z0-9+/]/.test(data)) throw new RangeError('atob takes base64 only');
    let output = '';
    let bits = 0;
    for (let at = 0; at < data.length; at++) {
      bits = ((bits << 6) | alphabet.indexOf(data.charAt(at))) & 0xffffff;
      if (at % 4 === 0) continue;
      output += String.fromCharCode((bits >> (6 - 2 * (at % 4))) & 255);
    }
    return output;
  };
  return { atob, btoa };
}

/** Randomness comes from the host, 1 KiB at a time. */
export function makeCrypto(random: Random) {
  let pool = new Uint8Array(0);
  let used = 0;
  const take = (count: number) => {
    if (count > 1024) return random(count);
    if (pool.length - used < count) {
      pool = random(1024) as Uint8Array<ArrayBuffer>;
      used = 0;
    }
    used += count;
    return pool.slice(used - count, used);
  };
  const getRandomValues = <T extends ArrayBufferView>(array: T): T => {
    if (!ArrayBuffer.isView(array)) throw new TypeError('getRandomValues takes an integer typed array');
    if (array.byteLength > 65_536)
      throw new RangeError(`getRandomValues gives at most 65536 bytes, not ${array.byteLength}`);
    new Uint8Array(array.buffer, array.byteOffset, array.byteLength).set(take(array.byteLength));
    return array;
  };
  const randomUUID = () => {
    // RFC 9562 §5.4: version 4, variant 10.
    const [version, variant] = [0x40, 0x80];
    const bytes = take(16).map((byte, at) =>
      at === 6 ? (byte & 0x0f) | version : at === 8 ? (byte & 0x3f) | variant : byte,
    );
    let hex = '';
    for (const byte of bytes) hex += (byte + 256).toString(16).slice(1);
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  };
  return { getRandomValues, randomUUID };
}

/** Structured clone of what JSON-like programs hold: plain objects, arrays, Map, Set, Date, RegExp, errors, buffers; cycles too. */
export function makeStructuredClone() {
  return function structuredClone(input: unknown): unknown {
    const seen = new Map<unknown, unknown>();
    const refuse = (what: string): never => {
      throw new TypeError(`${what} cannot be cloned`);
    };
    const fill = (source: object, target: Record<string, unknown>) => {
      for (const key of Object.keys(source)) target[key] = clone((source as Record<string, unknown>)[key]);
      return target;
    };
    const remember = <T>(source: unknown, target: T) => {
      seen.set(source, target);
      return target;
    };
    const view = (source: ArrayBufferView) => {
      const Type = source.constructor as new (buffer: unknown, offset: number, length: number) => unknown;
      const length = 'length' in source ? (source.length as number) : source.byteLength;
      return new Type(clone(source.buffer), source.byteOffset, length);
    };
    const clone = (source: unknown): unknown => {
      if (typeof source === 'function' || typeof source === 'symbol') return refuse(`A ${typeof source}`);
      if (typeof source !== 'object' || source === null) return source;
      if (seen.has(source)) return seen.get(source);
      if (Array.isArray(source)) return fill(source, remember(source, new Array(source.length)) as never);
      if (source instanceof Date) return remember(source, new Date(source));
      if (source instanceof RegExp) return remember(source, new RegExp(source));
      if (source instanceof ArrayBuffer) return remember(source, source.slice(0));
      if (ArrayBuffer.isView(source)) return remember(source, view(source));
      if (source instanceof Map) {
        const target = remember(source, new Map());
        for (const [key, value] of source) target.set(clone(key), clone(value));
        return target;
      }
      if (source instanceof Set) {
        const target = remember(source, new Set());
        for (const value of source) target.add(clone(value));
        return target;
      }
      if (source instanceof Error) {
        return remember(
          source,
          Object.assign(new Error(source.message), { name: source.name, stack: source.stack }),
        );
      }
      if (source instanceof Promise || source instanceof WeakMap || source instanceof WeakSet)
        refuse('This object');
      return fill(source, remember(source, {}));
    };
    return clone(input);
  };
}

type GlobalTools = {
  readonly safe: Safe;
  readonly text: Text;
  readonly random: Random;
  readonly timers: object;
  readonly log: (...line: [level: string, message: string]) => void;
};

/** What there is beside the language: console, timers, UTF-8, base64, random numbers, structuredClone, queueMicrotask. */
export function installGlobals({ safe, text, random, timers, log }: GlobalTools): void {
  const globals = {
    console: makeConsole(log),
    ...timers,
    ...makeEncodingClasses(text),
    ...makeBase64(),
    crypto: Object.freeze(makeCrypto(random)),
    structuredClone: makeStructuredClone(),
    queueMicrotask: (work: () => void) => safe.whenSettled(undefined, work, () => undefined),
    self: globalThis,
  };
  tameWebAssembly();
  // Atomics is of use with shared memory only; the registry tells when the collector runs.
  for (const name of ['Atomics', 'SharedArrayBuffer', 'FinalizationRegistry']) {
    Reflect.deleteProperty(globalThis, name);
  }
  for (const [name, value] of Object.entries(globals)) {
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
  }
}

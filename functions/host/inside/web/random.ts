import { DOMException } from './dom-exception.ts';
import { ports } from './ports.ts';

const maxBytes = 65_536;
const poolBytes = 1024;
const pool = { bytes: new Uint8Array(0), used: 0 };
const integerArrays = /^(Big)?(Int|Uint)(8|16|32|64)(Clamped)?Array$/;
const views = Object.getPrototypeOf(Uint8Array.prototype) as object;
const { get: tagOf } = Object.getOwnPropertyDescriptor(views, Symbol.toStringTag) as { get?: () => unknown };

/** Random bytes of the host, which gives 1 KiB at a time. */
function take(count: number): Uint8Array {
  if (count > poolBytes) return ports.ask('random', count);
  if (pool.bytes.length - pool.used < count)
    Object.assign(pool, { bytes: ports.ask('random', poolBytes), used: 0 });
  pool.used += count;
  const taken = pool.bytes.slice(pool.used - count, pool.used);
  // What was given is not kept.
  pool.bytes.fill(0, pool.used - count, pool.used);
  return taken;
}

/** Web Cryptography §10.1.1 */
export function fillRandom<T>(array: T): T {
  const tag = tagOf && (Reflect.apply(tagOf, array, []) as string | undefined);
  if (!ArrayBuffer.isView(array) || !integerArrays.test(tag ?? '')) {
    if (!ArrayBuffer.isView(array)) throw new TypeError('getRandomValues takes an integer typed array');
    throw new DOMException('getRandomValues takes an integer typed array', 'TypeMismatchError');
  }
  if (array.byteLength > maxBytes) {
    const message = `getRandomValues gives at most ${maxBytes} bytes, not ${array.byteLength}`;
    throw new DOMException(message, 'QuotaExceededError');
  }
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength).set(take(array.byteLength));
  return array;
}

/** RFC 9562 §5.4: version 4, variant 10. */
export function randomUuid(): string {
  const bytes = take(16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

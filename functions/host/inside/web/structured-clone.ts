import { cloneBuiltin, viewLike, type Memory } from './clone-builtin.ts';
import { Blob } from './blob.ts';
import { CryptoKey, newKey, slotsOf } from './crypto-key.ts';
import { DOMException } from './dom-exception.ts';
import { dictionary } from './event.ts';
import { File } from './file.ts';
import { isInterfacePrototype } from './interface.ts';
import { refuse } from './refuse-clone.ts';

/** How ports of channels move; channels come after cloning, which they need. */
type Ports = { isPort: (value: object) => boolean; move: (port: object) => object };
const channels: Ports = { isPort: () => false, move: (port) => port };

export function registerPorts(ports: Ports): void {
  Object.assign(channels, ports);
}

/** HTML §2.7.10. A proxy is cloned as the object it looks like, where other engines refuse. */
export function structuredClone(value: unknown, options?: { transfer?: Iterable<object> }): unknown {
  if (arguments.length === 0) throw new TypeError('structuredClone needs a value');
  return cloneWith(value, transferOf(options)).value;
}

export function transferOf(options: unknown): object[] {
  const { transfer } = dictionary(options) as { transfer?: Iterable<object> };
  return transfer === undefined ? [] : [...transfer];
}

/** The clone, and what became of the objects in `transfer`, which are detached even when the value does not hold them. */
export function cloneWith(value: unknown, transfer: readonly object[]): { value: unknown; moved: unknown[] } {
  if (transfer.length === 0) return { value: clone(value, new Map()), moved: [] };
  if (new Set(transfer).size < transfer.length) refuse('An object that is transferred twice');
  for (const item of transfer) checkMovable(item);
  // First as a draft around what is transferred: a value that cannot be cloned must not detach anything.
  const seen: Memory = new Map(transfer.map((item) => [item, item]));
  const draft = clone(value, seen);
  const views = viewsOf(seen, transfer);
  const moved = transfer.map(
    (item) => [item, channels.isPort(item) ? channels.move(item) : moveBuffer(item)] as const,
  );
  const memory: Memory = new Map<unknown, unknown>(moved);
  for (const { view, buffer, remake } of views) memory.set(view, remake(memory.get(buffer) as ArrayBuffer));
  return { value: clone(draft, memory), moved: moved.map(([, item]) => item) };
}

/** Views of a draft on buffers that are about to be detached, and with them to lose their place and length. */
function viewsOf(seen: Memory, transfer: readonly object[]) {
  const buffers = new Set(transfer);
  return [...seen.values()].flatMap((view) =>
    ArrayBuffer.isView(view) && buffers.has(view.buffer)
      ? [{ view, buffer: view.buffer, remake: viewLike(view) }]
      : [],
  );
}

function clone(source: unknown, memory: Memory): unknown {
  if (typeof source === 'symbol' || typeof source === 'function') return refuse(`A ${typeof source}`);
  if (typeof source !== 'object' || source === null) return source;
  if (memory.has(source)) return memory.get(source);
  const deeper = (inner: unknown) => clone(inner, memory);
  const prototype = Object.getPrototypeOf(source) as object | null;
  if (prototype !== Object.prototype && prototype !== null) {
    const special = cloneBuiltin(source, memory, deeper) ?? clonePlatform(source, prototype);
    if (special) {
      memory.set(source, special);
      return special;
    }
  }
  const target = Array.isArray(source) ? new Array<unknown>(source.length) : {};
  memory.set(source, target);
  for (const key of Object.keys(source)) {
    // Defined, not set: a clone has no business with setters of a prototype.
    const value = deeper((source as Record<string, unknown>)[key]);
    Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
  }
  return target;
}

/** Objects of web interfaces: those that are serializable, else a refusal. */
function clonePlatform(source: object, prototype: object | null): object | undefined {
  if (source instanceof File)
    return new File([source], source.name, { type: source.type, lastModified: source.lastModified });
  if (source instanceof Blob) return new Blob([source], { type: source.type });
  if (source instanceof CryptoKey) return newKey(slotsOf(source));
  if (source instanceof DOMException) {
    const target = new DOMException(source.message, source.name);
    const stack = { value: source.stack, writable: true, configurable: true };
    return Object.defineProperty(target, 'stack', stack);
  }
  for (let at = prototype; at; at = Object.getPrototypeOf(at) as object | null) {
    if (isInterfacePrototype(at)) refuse(`A ${source.constructor.name}`);
  }
  return undefined;
}

function checkMovable(item: object): void {
  if (channels.isPort(item)) return;
  if (!(item instanceof ArrayBuffer)) refuse('An object that is not transferable, in transfer,');
  if ((item as ArrayBuffer & { detached: boolean }).detached) refuse('A detached ArrayBuffer');
}

function moveBuffer(item: object): ArrayBuffer {
  return (item as ArrayBuffer & { transfer(): ArrayBuffer }).transfer();
}

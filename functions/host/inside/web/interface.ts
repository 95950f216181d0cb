/** Makes classes look as Web IDL has it: names, tags, enumerable members. */

/** Prototypes of the interfaces there are: their objects are the platform's, not plain ones. */
const prototypes = new WeakSet<object>();

export function isInterfacePrototype(prototype: object): boolean {
  return prototypes.has(prototype);
}

type Constructor = abstract new (...args: never[]) => object;

/** `name` is what the tenant sees; a bundler may have had to rename the class. `constants` go on the class and its prototype. */
export function defineInterface(
  name: string,
  constructor: Constructor,
  constants: Readonly<Record<string, number>> = {},
): void {
  const prototype = constructor.prototype as object;
  prototypes.add(prototype);
  Object.defineProperty(constructor, 'name', { value: name, configurable: true });
  Object.defineProperty(prototype, Symbol.toStringTag, { value: name, configurable: true });
  for (const owner of [constructor, prototype]) {
    showMembers(owner);
    for (const [key, value] of Object.entries(constants)) {
      Object.defineProperty(owner, key, { value, enumerable: true });
    }
  }
}

/** Methods and accessors of Web IDL are enumerable, those of a class are not. */
function showMembers(owner: object): void {
  for (const [key, property] of Object.entries(Object.getOwnPropertyDescriptors(owner))) {
    if (key === 'constructor' || key === 'prototype' || !property.configurable) continue;
    if (key === 'name' || key === 'length') continue;
    Object.defineProperty(owner, key, { ...property, enumerable: true });
  }
}

/**
 * Gives a class the members of a Web IDL `iterable<K, V>`: entries, keys, values, forEach and the iterator. `read` gives the pairs of an
 * object as they are now, and throws TypeError for a stranger; an iterator asks at each step.
 */
export function defineIterable<Self extends object>(
  name: string,
  constructor: abstract new (...args: never[]) => Self,
  read: (self: Self) => readonly Pair[],
): void {
  const pairs = pairIterator(name, read as (self: object) => readonly Pair[]);
  const methods = {
    entries(this: Self) {
      return pairs(this, (pair) => [...pair]);
    },
    keys(this: Self) {
      return pairs(this, ([key]) => key);
    },
    values(this: Self) {
      return pairs(this, ([, value]) => value);
    },
    forEach(this: Self, callback: (value: unknown, key: string, owner: Self) => unknown, self?: unknown) {
      read(this);
      if (typeof callback !== 'function') throw new TypeError('forEach needs a function');
      for (let at = 0, pair = read(this)[0]; pair; pair = read(this)[++at]) {
        Reflect.apply(callback, self, [pair[1], pair[0], this]);
      }
    },
  };
  const prototype = constructor.prototype as object;
  for (const [key, value] of Object.entries(methods)) {
    Object.defineProperty(prototype, key, { value, writable: true, enumerable: true, configurable: true });
  }
  const { entries } = Object.getOwnPropertyDescriptors(methods);
  Object.defineProperty(prototype, Symbol.iterator, { ...entries, enumerable: false });
}

type Pair = readonly [key: string, value: unknown];

function pairIterator(name: string, read: (self: object) => readonly Pair[]) {
  const places = new WeakMap<object, { owner: object; at: number; show: (pair: Pair) => unknown }>();
  const prototype = Object.create(iteratorPrototype) as object;
  const next = function next(this: object): IteratorResult<unknown> {
    const place = places.get(this);
    if (!place) throw new TypeError(`next is called on something that is not a ${name} Iterator`);
    const pair = read(place.owner)[place.at++];
    return pair ? { value: place.show(pair), done: false } : { value: undefined, done: true };
  };
  Object.defineProperty(prototype, 'next', {
    value: next,
    writable: true,
    enumerable: true,
    configurable: true,
  });
  Object.defineProperty(prototype, Symbol.toStringTag, { value: `${name} Iterator`, configurable: true });
  return (owner: object, show: (pair: Pair) => unknown) => {
    read(owner);
    const iterator = Object.create(prototype) as IterableIterator<unknown>;
    places.set(iterator, { owner, at: 0, show });
    return iterator;
  };
}

const iteratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())) as object;

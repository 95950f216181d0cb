/** Puts values on the global object as standards have them: not enumerable, replaceable; functions by their own names. */
export function defineGlobals(globals: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(globals)) {
    if (typeof value === 'function')
      Object.defineProperty(value, 'name', { value: name, configurable: true });
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
  }
}

/** The same for classes that are loaded when one of them is asked for; then it is as `defineGlobals` makes it. */
export function defineLazyGlobals(
  names: readonly string[],
  load: () => Readonly<Record<string, unknown>>,
): void {
  for (const name of names) {
    const define = (value: unknown) => defineGlobals({ [name]: value });
    const get = () => {
      const value = load()[name];
      define(value);
      return value;
    };
    Object.defineProperty(globalThis, name, { get, set: define, configurable: true, enumerable: false });
  }
}

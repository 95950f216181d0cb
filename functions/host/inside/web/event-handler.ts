import type { Event } from './event.ts';
import type { EventTarget } from './event-target.ts';

type Handler = (event: Event) => unknown;

/**
 * Gives `owner` an event handler attribute such as `onabort` (HTML §8.1.8.1): a function set there is one listener,
 * in the place where the first was set. `onSet`: what else setting does.
 */
export function defineHandler(owner: object, type: string, onSet?: (self: object) => void): void {
  const handlers = new WeakMap<object, { current: Handler | null }>();
  const property = {
    get(this: EventTarget | undefined): Handler | null {
      return handlers.get(this ?? globalThis)?.current ?? null;
    },
    set(this: EventTarget | undefined, value: unknown) {
      const self = this ?? (globalThis as unknown as EventTarget);
      onSet?.(self);
      const next = typeof value === 'function' ? (value as Handler) : null;
      const known = handlers.get(self);
      if (known) {
        known.current = next;
        return;
      }
      const slot = { current: next };
      handlers.set(self, slot);
      self.addEventListener(type, (event) => {
        if (slot.current && Reflect.apply(slot.current, self, [event]) === false) event.preventDefault();
      });
    },
  };
  Object.defineProperty(owner, `on${type}`, { ...property, enumerable: true, configurable: true });
}

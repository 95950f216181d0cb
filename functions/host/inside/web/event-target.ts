import { DOMException } from './dom-exception.ts';
import { dictionary, Event, stateOf } from './event.ts';
import { domString } from './convert.ts';
import { defineInterface } from './interface.ts';
import { ports } from './ports.ts';

type Callback = ((event: Event) => unknown) | { handleEvent?: (event: Event) => unknown } | null | undefined;
type Listener = {
  readonly callback: NonNullable<Callback>;
  readonly capture: boolean;
  readonly once: boolean;
  readonly passive: boolean;
  removed: boolean;
};
type Signal = EventTarget & { readonly aborted: boolean };
type Options = boolean | { capture?: boolean; once?: boolean; passive?: boolean; signal?: Signal };

const tables = new WeakMap<EventTarget, Map<string, Listener[]>>();
/** The global object's: an isolate that starts from a snapshot has another one, which no WeakMap of the snapshot finds. */
const globalTable = new Map<string, Listener[]>();

/** DOM §2.7. */
export class EventTarget {
  constructor() {
    tables.set(this, new Map());
  }
  addEventListener(type: unknown, callback: Callback, options?: Options): void {
    const table = listenersOf(this);
    if (arguments.length < 2) throw new TypeError('addEventListener needs a type and a listener');
    const { capture, once, passive, signal } = flatten(options);
    checkCallback(callback);
    if (!callback || signal?.aborted) return;
    const list = table.get(domString(type)) ?? [];
    if (find(list, callback, capture)) return;
    const listener: Listener = { callback, capture, once, passive, removed: false };
    // A new list: a dispatch that is under way keeps its own.
    table.set(domString(type), [...list, listener]);
    signal?.addEventListener('abort', () => remove(table, domString(type), listener), { once: true });
  }
  removeEventListener(type: unknown, callback: Callback, options?: Options): void {
    const table = listenersOf(this);
    if (arguments.length < 2) throw new TypeError('removeEventListener needs a type and a listener');
    checkCallback(callback);
    const listener = callback && find(table.get(domString(type)) ?? [], callback, flatten(options).capture);
    if (listener) remove(table, domString(type), listener);
  }
  dispatchEvent(event: Event): boolean {
    listenersOf(this);
    if (!(event instanceof Event)) throw new TypeError('dispatchEvent needs an Event');
    stateOf(event).trusted = false;
    return dispatch(orGlobal(this), event);
  }
}
defineInterface('EventTarget', EventTarget);

/** Fires an event of our own: it is trusted. False when it was canceled. */
export function fire(target: EventTarget, event: Event): boolean {
  stateOf(event).trusted = true;
  return dispatch(target, event);
}

function dispatch(target: EventTarget, event: Event): boolean {
  const state = stateOf(event);
  if (state.dispatching) throw new DOMException('The event is being dispatched', 'InvalidStateError');
  const table = listenersOf(target);
  Object.assign(state, { dispatching: true, target, currentTarget: target, phase: 2 });
  // One who captures comes first, at the target too, and can add one who does not for this very event.
  for (const capture of [true, false]) {
    if (state.stopped) break;
    for (const listener of table.get(event.type) ?? []) {
      if (listener.removed || listener.capture !== capture) continue;
      if (listener.once) remove(table, event.type, listener);
      state.passive = listener.passive;
      call(listener.callback, target, event);
      state.passive = false;
      if (state.stoppedAtOnce) break;
    }
  }
  const after = { dispatching: false, currentTarget: null, phase: 0, stopped: false, stoppedAtOnce: false };
  Object.assign(state, after);
  return !state.canceled;
}

function call(callback: NonNullable<Callback>, target: EventTarget, event: Event): void {
  try {
    if (typeof callback === 'function') {
      Reflect.apply(callback, target, [event]);
      return;
    }
    const { handleEvent } = callback;
    if (typeof handleEvent !== 'function') throw new TypeError('A listener has no handleEvent');
    Reflect.apply(handleEvent, callback, [event]);
  } catch (error) {
    // A failing listener does not keep the others from running.
    ports.report(error);
  }
}

/** The global object when `this` is missing, as for every operation of a global interface. */
function orGlobal(target: EventTarget | undefined): EventTarget {
  return target ?? (globalThis as unknown as EventTarget);
}

function listenersOf(target: EventTarget | undefined): Map<string, Listener[]> {
  const self = orGlobal(target);
  const table = (self as unknown) === globalThis ? globalTable : tables.get(self);
  if (!table) throw new TypeError('That is not an EventTarget');
  return table;
}

function find(list: readonly Listener[], callback: Callback, capture: boolean): Listener | undefined {
  return list.find((listener) => listener.callback === callback && listener.capture === capture);
}

function remove(table: Map<string, Listener[]>, type: string, listener: Listener): void {
  listener.removed = true;
  const rest = (table.get(type) ?? []).filter((other) => other !== listener);
  if (rest.length > 0) table.set(type, rest);
  else table.delete(type);
}

function flatten(options: Options | null | undefined) {
  if (typeof options === 'boolean') return { capture: options, once: false, passive: false };
  const { capture, once, passive, signal } = dictionary(options) as Exclude<Options, boolean>;
  if (signal !== undefined && !(signal instanceof EventTarget))
    throw new TypeError('The option signal takes an AbortSignal');
  return { capture: Boolean(capture), once: Boolean(once), passive: Boolean(passive), signal };
}

function checkCallback(callback: unknown): void {
  if (callback === null || callback === undefined) return;
  if (typeof callback !== 'function' && typeof callback !== 'object')
    throw new TypeError('A listener is a function or an object with handleEvent');
}

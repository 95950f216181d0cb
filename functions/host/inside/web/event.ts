import { coarseNowMs } from './coarse-clock.ts';
import { domString } from './convert.ts';
import { defineInterface } from './interface.ts';

type EventInit = { readonly bubbles?: boolean; readonly cancelable?: boolean; readonly composed?: boolean };

/** What a dispatch knows and changes of an event; out of the tenant's reach. */
export type EventState = {
  target: EventTargetLike | null;
  currentTarget: EventTargetLike | null;
  phase: number;
  stopped: boolean;
  stoppedAtOnce: boolean;
  canceled: boolean;
  passive: boolean;
  dispatching: boolean;
  trusted: boolean;
};
type EventTargetLike = object;

const states = new WeakMap<Event, EventState>();

/** Throws TypeError for what is not an Event. */
export function stateOf(event: Event): EventState {
  const state = states.get(event);
  if (!state) throw new TypeError('That is not an Event');
  return state;
}

/** DOM §2.2. There is no tree: an event has one target, and bubbling changes nothing. */
export class Event {
  readonly #type: { text: string; bubbles: boolean; cancelable: boolean };
  readonly #composed: boolean;
  readonly #timeStamp = coarseNowMs();

  /** `given`: how many arguments there are. */
  constructor(type: unknown, init: EventInit = {}, given = arguments.length) {
    if (given === 0) throw new TypeError('An event needs a type');
    const { bubbles, cancelable, composed } = dictionary(init) as EventInit;
    this.#type = { text: domString(type), bubbles: Boolean(bubbles), cancelable: Boolean(cancelable) };
    this.#composed = Boolean(composed);
    states.set(this, {
      target: null,
      currentTarget: null,
      phase: 0,
      stopped: false,
      stoppedAtOnce: false,
      canceled: false,
      passive: false,
      dispatching: false,
      trusted: false,
    });
    Object.defineProperty(this, 'isTrusted', { get: isTrusted, enumerable: true });
  }
  declare readonly isTrusted: boolean;
  get type() {
    return this.#type.text;
  }
  get bubbles() {
    return this.#type.bubbles;
  }
  get cancelable() {
    return this.#type.cancelable;
  }
  get composed() {
    return this.#composed;
  }
  get timeStamp() {
    return this.#timeStamp;
  }
  get target() {
    return stateOf(this).target;
  }
  get srcElement() {
    return stateOf(this).target;
  }
  get currentTarget() {
    return stateOf(this).currentTarget;
  }
  get eventPhase() {
    return stateOf(this).phase;
  }
  get defaultPrevented() {
    return stateOf(this).canceled;
  }
  get returnValue() {
    return !stateOf(this).canceled;
  }
  set returnValue(value: boolean) {
    if (!value) this.preventDefault();
  }
  get cancelBubble() {
    return stateOf(this).stopped;
  }
  set cancelBubble(value: boolean) {
    if (value) stateOf(this).stopped = true;
  }
  composedPath(): object[] {
    const { currentTarget } = stateOf(this);
    return currentTarget ? [currentTarget] : [];
  }
  stopPropagation(): void {
    stateOf(this).stopped = true;
  }
  stopImmediatePropagation(): void {
    const state = stateOf(this);
    state.stopped = state.stoppedAtOnce = true;
  }
  preventDefault(): void {
    const state = stateOf(this);
    if (this.#type.cancelable && !state.passive) state.canceled = true;
  }
  initEvent(type: unknown, bubbles: unknown = false, cancelable: unknown = false): void {
    const state = stateOf(this);
    if (state.dispatching) return;
    Object.assign(this.#type, {
      text: domString(type),
      bubbles: Boolean(bubbles),
      cancelable: Boolean(cancelable),
    });
    Object.assign(state, { target: null, stopped: false, stoppedAtOnce: false, canceled: false });
  }
}

/** One function for all, as for every [LegacyUnforgeable] attribute. */
function isTrusted(this: Event): boolean {
  return stateOf(this).trusted;
}

/** Web IDL: undefined and null are an empty dictionary, other primitives are refused. */
export function dictionary(value: unknown): object {
  if (value === undefined || value === null) return {};
  if (typeof value === 'object' || typeof value === 'function') return value;
  throw new TypeError(`${typeof value} is given where an object of options is expected`);
}

defineInterface('Event', Event, { NONE: 0, CAPTURING_PHASE: 1, AT_TARGET: 2, BUBBLING_PHASE: 3 });

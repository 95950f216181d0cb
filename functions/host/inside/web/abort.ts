import { DOMException } from './dom-exception.ts';
import { defineHandler } from './event-handler.ts';
import { EventTarget, fire } from './event-target.ts';
import { Event } from './event.ts';
import { defineInterface } from './interface.ts';
import { ports } from './ports.ts';

/** Only this module makes signals. */
const key = Symbol('AbortSignal');

type State = {
  aborted: boolean;
  reason: unknown;
  readonly dependents: Set<AbortSignal>;
  sources: Set<AbortSignal>;
};

const states = new WeakMap<AbortSignal, State>();

/** DOM §3.2 */
export class AbortSignal extends EventTarget {
  declare onabort: ((event: Event) => unknown) | null;

  constructor(secret?: symbol) {
    if (secret !== key) throw new TypeError('Illegal constructor: use new AbortController().signal');
    super();
    states.set(this, { aborted: false, reason: undefined, dependents: new Set(), sources: new Set() });
  }
  static abort(reason?: unknown): AbortSignal {
    const signal = new AbortSignal(key);
    Object.assign(stateOf(signal), { aborted: true, reason: reason === undefined ? abortError() : reason });
    return signal;
  }
  static timeout(milliseconds: unknown): AbortSignal {
    const delayMs = Number(milliseconds);
    if (!(delayMs >= 0 && delayMs <= Number.MAX_SAFE_INTEGER))
      throw new TypeError(`${String(milliseconds)} is not a number of milliseconds`);
    const signal = new AbortSignal(key);
    ports.setTimeout(() => {
      abort(signal, new DOMException('The operation timed out', 'TimeoutError'));
    }, delayMs);
    return signal;
  }
  static any(signals: Iterable<AbortSignal>): AbortSignal {
    const sources = [...signals];
    if (!sources.every((source) => source instanceof AbortSignal))
      throw new TypeError('AbortSignal.any takes a sequence of signals');
    const result = new AbortSignal(key);
    const aborted = sources.find((source) => source.aborted);
    if (aborted) {
      Object.assign(stateOf(result), { aborted: true, reason: aborted.reason });
      return result;
    }
    // Signals that depend on others are replaced by those: a chain never grows.
    for (const source of sources) {
      const origins = stateOf(source).sources;
      for (const origin of origins.size > 0 ? origins : [source]) {
        stateOf(origin).dependents.add(result);
        stateOf(result).sources.add(origin);
      }
    }
    return result;
  }
  get aborted(): boolean {
    return stateOf(this).aborted;
  }
  get reason(): unknown {
    return stateOf(this).reason;
  }
  throwIfAborted(): void {
    const { aborted, reason } = stateOf(this);
    if (aborted) throw reason;
  }
}
defineInterface('AbortSignal', AbortSignal);
defineHandler(AbortSignal.prototype, 'abort');

export class AbortController {
  readonly #signal = new AbortSignal(key);
  get signal(): AbortSignal {
    return this.#signal;
  }
  abort(reason?: unknown): void {
    abort(this.#signal, reason === undefined ? abortError() : reason);
  }
}
defineInterface('AbortController', AbortController);

function abort(signal: AbortSignal, reason: unknown): void {
  const state = stateOf(signal);
  if (state.aborted) return;
  const all = [signal, ...[...state.dependents].filter((dependent) => !dependent.aborted)];
  for (const each of all) Object.assign(stateOf(each), { aborted: true, reason });
  for (const each of all) {
    const { sources, dependents } = stateOf(each);
    for (const source of sources) stateOf(source).dependents.delete(each);
    sources.clear();
    dependents.clear();
    fire(each, new Event('abort'));
  }
}

function abortError(): DOMException {
  return new DOMException('This operation was aborted', 'AbortError');
}

function stateOf(signal: AbortSignal): State {
  const state = states.get(signal);
  if (!state) throw new TypeError('That is not an AbortSignal');
  return state;
}

import { dictionary, Event } from './event.ts';
import { domString } from './convert.ts';
import { defineInterface } from './interface.ts';

type Init<T> = T & ConstructorParameters<typeof Event>[1];

/** DOM §2.4 */
export class CustomEvent extends Event {
  readonly #detail: { value: unknown };
  constructor(type: unknown, init: Init<{ detail?: unknown }> = {}) {
    super(type, init, arguments.length);
    const { detail = null } = dictionary(init) as { detail?: unknown };
    this.#detail = { value: detail };
  }
  get detail() {
    return this.#detail.value;
  }
  initCustomEvent(
    type: unknown,
    bubbles: unknown = false,
    cancelable: unknown = false,
    detail: unknown = null,
  ): void {
    this.initEvent(type, bubbles, cancelable);
    this.#detail.value = detail;
  }
}

type ErrorFields = Partial<Record<'message' | 'filename' | 'lineno' | 'colno' | 'error', unknown>>;

/** HTML §8.1.4.6 */
export class ErrorEvent extends Event {
  readonly #fields: { message: string; filename: string; lineno: number; colno: number; error: unknown };
  constructor(type: unknown, init: Init<ErrorFields> = {}) {
    super(type, init, arguments.length);
    const { message = '', filename = '', lineno = 0, colno = 0, error } = dictionary(init) as ErrorFields;
    const texts = { message: domString(message), filename: domString(filename) };
    this.#fields = { ...texts, lineno: Number(lineno) >>> 0, colno: Number(colno) >>> 0, error };
  }
  get message() {
    return this.#fields.message;
  }
  get filename() {
    return this.#fields.filename;
  }
  get lineno() {
    return this.#fields.lineno;
  }
  get colno() {
    return this.#fields.colno;
  }
  get error() {
    return this.#fields.error;
  }
}

/** HTML §8.1.4.7 */
export class PromiseRejectionEvent extends Event {
  readonly #fields: { promise: unknown; reason: unknown };
  constructor(type: unknown, init: Init<{ promise: object; reason?: unknown }>) {
    super(type, init, arguments.length);
    const { promise, reason } = dictionary(init) as { promise?: unknown; reason?: unknown };
    if (typeof promise !== 'object' || promise === null)
      throw new TypeError('A PromiseRejectionEvent needs a promise');
    this.#fields = { promise, reason };
  }
  get promise() {
    return this.#fields.promise;
  }
  get reason() {
    return this.#fields.reason;
  }
}

type MessageFields = {
  data?: unknown;
  origin?: unknown;
  lastEventId?: unknown;
  source?: object | null;
  ports?: readonly object[];
};

/** HTML §9.1 */
export class MessageEvent extends Event {
  readonly #fields: Required<MessageFields>;
  constructor(type: unknown, init: Init<MessageFields> = {}) {
    super(type, init, arguments.length);
    const {
      data = null,
      origin = '',
      lastEventId = '',
      source = null,
      ports = [],
    } = dictionary(init) as MessageFields;
    const texts = { origin: domString(origin), lastEventId: domString(lastEventId) };
    this.#fields = { data, ...texts, source, ports: Object.freeze([...ports]) };
  }
  get data() {
    return this.#fields.data;
  }
  get origin() {
    return this.#fields.origin;
  }
  get lastEventId() {
    return this.#fields.lastEventId;
  }
  get source() {
    return this.#fields.source;
  }
  get ports() {
    return this.#fields.ports;
  }
}

defineInterface('CustomEvent', CustomEvent);
defineInterface('ErrorEvent', ErrorEvent);
defineInterface('PromiseRejectionEvent', PromiseRejectionEvent);
defineInterface('MessageEvent', MessageEvent);

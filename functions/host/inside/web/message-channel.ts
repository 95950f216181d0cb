import { DOMException } from './dom-exception.ts';
import { defineHandler } from './event-handler.ts';
import { EventTarget, fire } from './event-target.ts';
import { MessageEvent } from './events.ts';
import { defineInterface } from './interface.ts';
import { ports } from './ports.ts';
import { cloneWith, registerPorts, transferOf } from './structured-clone.ts';

const key = Symbol('MessagePort');
type Message = { readonly data: unknown; readonly moved: readonly unknown[] };
/** What moves when a port is transferred. */
type End = {
  port: MessagePort | undefined;
  other: End | undefined;
  started: boolean;
  queue: Message[];
  due: boolean;
};

const ends = new WeakMap<object, End>();
/** Messages that wait at one port. */
const maxQueue = 10_000;

/** HTML §9.4; both ends are always in one isolate. */
export class MessagePort extends EventTarget {
  declare onmessage: unknown;
  constructor(secret?: symbol, end?: End) {
    if (secret !== key || !end) throw new TypeError('Illegal constructor: use new MessageChannel()');
    super();
    end.port = this;
    ends.set(this, end);
  }
  postMessage(message: unknown, options?: Iterable<object> | { transfer?: Iterable<object> }): void {
    const end = endOf(this);
    const list = options && Symbol.iterator in options ? [...options] : transferOf(options);
    if (list.includes(this)) throw new DOMException('A port cannot be sent through itself', 'DataCloneError');
    const { value, moved } = cloneWith(message, list);
    if (!end?.other) return;
    if (end.other.queue.length >= maxQueue)
      throw new DOMException(`More than ${maxQueue} messages wait at a port`, 'QuotaExceededError');
    end.other.queue.push({ data: value, moved });
    deliverLater(end.other);
  }
  start(): void {
    const end = endOf(this);
    if (!end) return;
    end.started = true;
    deliverLater(end);
  }
  close(): void {
    const end = endOf(this);
    if (!end) return;
    if (end.other) end.other.other = undefined;
    end.other = undefined;
    end.queue = [];
  }
}
defineInterface('MessagePort', MessagePort);
defineHandler(MessagePort.prototype, 'message', (port) => (port as MessagePort).start());
defineHandler(MessagePort.prototype, 'messageerror');

/** HTML §9.4.2 */
export class MessageChannel {
  readonly #first: MessagePort;
  readonly #second: MessagePort;
  constructor() {
    const [one, two] = [newEnd(), newEnd()];
    one.other = two;
    two.other = one;
    this.#first = new MessagePort(key, one);
    this.#second = new MessagePort(key, two);
  }
  get port1() {
    return this.#first;
  }
  get port2() {
    return this.#second;
  }
}
defineInterface('MessageChannel', MessageChannel);

registerPorts({
  isPort: (value) => value instanceof MessagePort,
  move: (port) => {
    const end = endOf(port);
    if (!end) throw new DOMException('The port was transferred before', 'DataCloneError');
    ends.delete(port);
    end.started = false;
    return new MessagePort(key, end);
  },
});

function newEnd(): End {
  return { port: undefined, other: undefined, started: false, queue: [], due: false };
}

/** Undefined for a port that was transferred: it does nothing any more. */
function endOf(port: object): End | undefined {
  if (!(port instanceof MessagePort)) throw new TypeError('That is not a MessagePort');
  return ends.get(port);
}

/** In a task of its own, as a timer that is due at once. */
function deliverLater(end: End): void {
  if (end.due || !end.started || end.queue.length === 0) return;
  end.due = true;
  ports.setTimeout(() => {
    end.due = false;
    const next = end.started && end.port ? end.queue.shift() : undefined;
    if (!next || !end.port) return;
    deliverLater(end);
    const received = next.moved.filter((item) => item instanceof MessagePort);
    fire(end.port, new MessageEvent('message', { data: next.data, ports: received }));
  }, 0);
}

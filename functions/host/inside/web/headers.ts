import { need, pairOf } from './convert.ts';
import { defineInterface, defineIterable } from './interface.ts';

/** [Fetch §2.2] Names are kept in lower case, as HTTP/2 has them. */
export type HeadersInit = Headers | Iterable<readonly [string, string]> | Readonly<Record<string, string>>;

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const forbiddenInValue = /[\0\r\n]|[^\0-\u00ff]/;
const edges = /^[\t\n\r ]+|[\t\n\r ]+$/g;

let seal: (headers: Headers) => void;
let wireForm: (headers: Headers) => [name: string, value: string][];

export class Headers {
  /** Combined values by name; those of set-cookie are never combined. */
  readonly #values = new Map<string, string>();
  readonly #cookies: string[] = [];
  #sorted: [string, string][] | undefined;
  #immutable = false;
  declare readonly entries: () => IterableIterator<[string, string]>;
  declare readonly keys: () => IterableIterator<string>;
  declare readonly values: () => IterableIterator<string>;
  declare readonly [Symbol.iterator]: () => IterableIterator<[string, string]>;
  declare readonly forEach: (
    work: (value: string, name: string, headers: Headers) => unknown,
    self?: unknown,
  ) => void;

  static {
    seal = (headers) => {
      headers.#immutable = true;
    };
    wireForm = (headers) => headers.#list();
  }

  constructor(init?: HeadersInit) {
    if (init === undefined) return;
    if (typeof init !== 'object' || (init as object | null) === null)
      throw new TypeError('Headers takes an object or a sequence of pairs');
    if (Symbol.iterator in init) {
      for (const entry of init) {
        const [name, value] = pairOf(entry);
        this.append(name, value);
      }
      return;
    }
    for (const name of Reflect.ownKeys(init) as string[]) {
      if (Object.getOwnPropertyDescriptor(init, name)?.enumerable)
        this.append(name, (init as Readonly<Record<string, unknown>>)[name]);
    }
  }

  append(name: unknown, value: unknown): void {
    need(arguments.length, 2);
    const key = this.#writable(name);
    const text = checkValue(value, key);
    if (key === 'set-cookie') {
      this.#cookies.push(text);
      return;
    }
    const before = this.#values.get(key);
    this.#values.set(key, before === undefined ? text : `${before}, ${text}`);
  }

  delete(name: unknown): void {
    need(arguments.length, 1);
    const key = this.#writable(name);
    if (key === 'set-cookie') this.#cookies.length = 0;
    else this.#values.delete(key);
  }

  get(name: unknown): string | null {
    need(arguments.length, 1);
    const key = checkName(name);
    if (key === 'set-cookie') return this.#cookies.length > 0 ? this.#cookies.join(', ') : null;
    return this.#values.get(key) ?? null;
  }

  getSetCookie(): string[] {
    return [...this.#cookies];
  }

  has(name: unknown): boolean {
    need(arguments.length, 1);
    const key = checkName(name);
    return key === 'set-cookie' ? this.#cookies.length > 0 : this.#values.has(key);
  }

  set(name: unknown, value: unknown): void {
    need(arguments.length, 2);
    const key = this.#writable(name);
    const text = checkValue(value, key);
    if (key !== 'set-cookie') {
      this.#values.set(key, text);
      return;
    }
    this.#cookies.length = 0;
    this.#cookies.push(text);
  }

  #list(): [string, string][] {
    if (this.#sorted) return this.#sorted;
    const pairs = [...this.#values, ...this.#cookies.map((value): [string, string] => ['set-cookie', value])];
    pairs.sort(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0));
    return (this.#sorted = pairs);
  }

  #writable(name: unknown): string {
    const key = checkName(name);
    if (this.#immutable)
      throw new TypeError(`These headers are immutable: copy them, new Headers(headers), to set ${key}`);
    this.#sorted = undefined;
    return key;
  }
}

defineInterface('Headers', Headers);
// Names ascending; what is changed while iterating is seen, as the standard has it.
defineIterable('Headers', Headers, wireForm);

export { seal, wireForm };

/** Headers that nobody can change. `pairs` were checked by whoever sent them. */
export function sealedHeaders(pairs: Iterable<readonly [string, string]>): Headers {
  const headers = new Headers(pairs);
  seal(headers);
  return headers;
}

function checkName(name: unknown): string {
  const text = String(name);
  if (!token.test(text)) throw new TypeError(`${JSON.stringify(text)} is not a header name`);
  return text.toLowerCase();
}

function checkValue(value: unknown, name: string): string {
  const text = String(value).replace(edges, '');
  if (forbiddenInValue.test(text))
    throw new TypeError(`The value of header ${name} has a character that a header cannot carry`);
  return text;
}

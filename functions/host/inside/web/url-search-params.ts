import { makeText } from '../text.ts';
import { need, pairOf, usvString } from './convert.ts';
import { defineInterface, defineIterable } from './interface.ts';

type Pair = [name: string, value: string];
type Init = string | Iterable<Iterable<unknown>> | Readonly<Record<string, unknown>>;

const utf8 = makeText();

/** What a URL has of its own searchParams. */
export type Query = { readonly params: URLSearchParams; readonly replace: (text: string) => void };
let attach: (params: URLSearchParams, text: string, changed: (text: string) => void) => Query;

/** URL §6.2 */
export class URLSearchParams {
  #pairs: Pair[];
  #changed: ((text: string) => void) | undefined;

  static {
    attach = (params, text, changed) => {
      params.#pairs = parse(text);
      params.#changed = changed;
      return { params, replace: (next) => (params.#pairs = parse(next)) };
    };
    defineIterable('URLSearchParams', URLSearchParams, (self) => self.#pairs);
  }

  constructor(init: Init = '') {
    this.#pairs = read(init);
  }
  get size(): number {
    return this.#pairs.length;
  }
  append(name: unknown, value: unknown): void {
    need(arguments.length, 2);
    this.#pairs.push([usvString(name), usvString(value)]);
    this.#tell();
  }
  delete(name: unknown, value?: unknown): void {
    need(arguments.length, 1);
    const matches = matcher(name, value);
    this.#pairs = this.#pairs.filter((pair) => !matches(pair));
    this.#tell();
  }
  get(name: unknown): string | null {
    need(arguments.length, 1);
    return this.#pairs.find(matcher(name, undefined))?.[1] ?? null;
  }
  getAll(name: unknown): string[] {
    need(arguments.length, 1);
    return this.#pairs.filter(matcher(name, undefined)).map(([, value]) => value);
  }
  has(name: unknown, value?: unknown): boolean {
    need(arguments.length, 1);
    return this.#pairs.some(matcher(name, value));
  }
  set(name: unknown, value: unknown): void {
    need(arguments.length, 2);
    const matches = matcher(name, undefined);
    const first = this.#pairs.findIndex(matches);
    const pair: Pair = [usvString(name), usvString(value)];
    if (first < 0) this.#pairs.push(pair);
    else {
      this.#pairs[first] = pair;
      this.#pairs = this.#pairs.filter((other, at) => at <= first || !matches(other));
    }
    this.#tell();
  }
  sort(): void {
    // By UTF-16 code units, as `<` compares; stable.
    this.#pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    this.#tell();
  }
  toString(): string {
    return this.#pairs.map(([name, value]) => `${escape(name)}=${escape(value)}`).join('&');
  }
  #tell(): void {
    this.#changed?.(this.toString());
  }
}
defineInterface('URLSearchParams', URLSearchParams);

/** The searchParams of a URL: `changed` hears its text after each change, `replace` gives it another query. */
export function queryOf(query: string, changed: (text: string) => void): Query {
  return attach(new URLSearchParams(), query, changed);
}

function read(init: unknown): Pair[] {
  if ((typeof init === 'object' && init !== null) || typeof init === 'function') {
    if (Symbol.iterator in init)
      return Array.from(init as Iterable<unknown>, (entry) => {
        const [name, value] = pairOf(entry);
        return [usvString(name), usvString(value)];
      });
    return Reflect.ownKeys(init)
      .filter((key) => Object.getOwnPropertyDescriptor(init, key)?.enumerable)
      .map((key) => [usvString(key), usvString((init as Record<PropertyKey, unknown>)[key])]);
  }
  const query = usvString(init);
  return parse(query.startsWith('?') ? query.slice(1) : query);
}

/** URL §5.1 */
function parse(query: string): Pair[] {
  return query
    .split('&')
    .filter((part) => part !== '')
    .map((part) => {
      const at = part.indexOf('=');
      return at < 0 ? [unescape(part), ''] : [unescape(part.slice(0, at)), unescape(part.slice(at + 1))];
    });
}

function unescape(part: string): string {
  const spaced = part.replaceAll('+', ' ');
  if (!spaced.includes('%')) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    // A percent sign that escapes nothing, or bytes that are not UTF-8.
    const bytes = utf8.encode(spaced);
    let length = 0;
    for (let at = 0; at < bytes.length; at++) {
      const hex = bytes[at] === 0x25 ? String.fromCharCode(...bytes.subarray(at + 1, at + 3)) : '';
      const escaped = /^[0-9A-Fa-f]{2}$/.test(hex);
      bytes[length++] = escaped ? parseInt(hex, 16) : (bytes[at] ?? 0);
      if (escaped) at += 2;
    }
    return utf8.decode(bytes.subarray(0, length));
  }
}

const left = /[!'()~]/g;

function escape(part: string): string {
  return encodeURIComponent(part)
    .replaceAll('%20', '+')
    .replace(left, (symbol) => `%${symbol.charCodeAt(0).toString(16).toUpperCase()}`);
}

function matcher(name: unknown, value: unknown): (pair: Pair) => boolean {
  const [key, wanted] = [usvString(name), value === undefined ? undefined : usvString(value)];
  return ([other, its]) => other === key && (wanted === undefined || its === wanted);
}

import { need, usvString } from './convert.ts';
import { defineInterface } from './interface.ts';
import { ports } from './ports.ts';
import { components } from './url-components.ts';
import { queryOf, type Query } from './url-search-params.ts';

type Component = (typeof components)[number];
type Parts = Readonly<Record<Component, string>>;

/** URL §6.1; the host parses. */
export class URL {
  #parts: Parts;
  #query: Query | undefined;

  constructor(input: unknown, base?: unknown) {
    const parts = parse(input, base);
    if (!parts)
      throw Object.assign(new TypeError('Invalid URL'), { code: 'ERR_INVALID_URL', input: shown(input) });
    this.#parts = parts;
  }
  static parse(input: unknown, base?: unknown): URL | null {
    need(arguments.length, 1);
    try {
      return new URL(input, base);
    } catch (error) {
      if (error instanceof TypeError && 'code' in error) return null;
      throw error;
    }
  }
  static canParse(input: unknown, base?: unknown): boolean {
    need(arguments.length, 1);
    return parse(input, base) !== undefined;
  }
  get href() {
    return this.#parts.href;
  }
  set href(value: string) {
    const parts = parse(value, undefined);
    if (!parts) throw new TypeError('Invalid URL');
    this.#take(parts);
  }
  get origin() {
    return this.#parts.origin;
  }
  get protocol() {
    return this.#parts.protocol;
  }
  set protocol(value: string) {
    this.#set('protocol', value);
  }
  get username() {
    return this.#parts.username;
  }
  set username(value: string) {
    this.#set('username', value);
  }
  get password() {
    return this.#parts.password;
  }
  set password(value: string) {
    this.#set('password', value);
  }
  get host() {
    return this.#parts.host;
  }
  set host(value: string) {
    this.#set('host', value);
  }
  get hostname() {
    return this.#parts.hostname;
  }
  set hostname(value: string) {
    this.#set('hostname', value);
  }
  get port() {
    return this.#parts.port;
  }
  set port(value: string) {
    this.#set('port', value);
  }
  get pathname() {
    return this.#parts.pathname;
  }
  set pathname(value: string) {
    this.#set('pathname', value);
  }
  get search() {
    return this.#parts.search;
  }
  set search(value: string) {
    this.#set('search', value);
  }
  get searchParams() {
    this.#query ??= queryOf(this.#parts.search.slice(1), (text) => this.#replace('search', text));
    return this.#query.params;
  }
  get hash() {
    return this.#parts.hash;
  }
  set hash(value: string) {
    this.#set('hash', value);
  }
  toString(): string {
    return this.#parts.href;
  }
  toJSON(): string {
    return this.#parts.href;
  }

  #set(property: Component, value: unknown): void {
    this.#replace(property, usvString(value));
    if (property === 'search') this.#query?.replace(this.#parts.search.slice(1));
  }
  /** What a setter does not understand it ignores. */
  #replace(property: string, value: string): void {
    this.#parts = split(ports.ask('urlWith', this.#parts.href, property, value)) ?? this.#parts;
  }
  #take(parts: Parts): void {
    this.#parts = parts;
    this.#query?.replace(parts.search.slice(1));
  }
}
defineInterface('URL', URL);

function parse(input: unknown, base: unknown): Parts | undefined {
  const [text, under] = [usvString(input), base === undefined ? '' : usvString(base)];
  // An empty base is none that anything could be relative to.
  if (base !== undefined && under === '' && ports.ask('url', text, '') === '') return undefined;
  return split(ports.ask('url', text, under));
}

function split(record: string): Parts | undefined {
  if (record === '') return undefined;
  const lines = record.split('\n');
  return Object.fromEntries(components.map((name, at) => [name, lines[at] ?? ''])) as Parts;
}

function shown(input: unknown): string {
  return String(input).slice(0, 256);
}

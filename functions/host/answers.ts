import { randomBytes } from 'node:crypto';
import { components, settableComponents } from './inside/web/url-components.ts';

/** Text that a URL may be parsed from, either part of it. */
const maxUrlChars = 256 * 1024;
const maxDecodeBytes = 2 ** 20;
const maxRandomBytes = 65_536;

/**
 * What web APIs in an isolate ask while it waits (`inside/web/ports.ts`). Arguments are copies, from code of ours on builtins the
 * tenant may have bent: types and sizes are checked. Never throws; what is refused has an empty answer.
 */
export function answers(chunks: ReadonlyMap<string, string>) {
  return (what: unknown, ...args: readonly unknown[]): string | Uint8Array | undefined =>
    what === 'chunk' ? (chunks.get(String(args[0])) ?? '') : answer(what, args);
}

function answer(what: unknown, [first, second, third]: readonly unknown[]) {
  switch (what) {
    case 'random':
      return randomAnswer(first);
    case 'url':
      return isUrlText(first) && isUrlText(second) ? urlAnswer(first, second) : '';
    case 'urlWith':
      return isUrlText(first) && isUrlText(third) ? urlWithAnswer(first, second, third) : '';
    case 'encoding':
      return typeof first === 'string' && first.length <= 64 ? encodingAnswer(first) : '';
    case 'decode':
      return decodeAnswer(first, second, third);
    default:
      return '';
  }
}

function randomAnswer(count: unknown): Uint8Array {
  const size = Number.isSafeInteger(count) ? Math.min(Math.max(0, count as number), maxRandomBytes) : 0;
  return new Uint8Array(randomBytes(size));
}

function isUrlText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= maxUrlChars;
}

function urlAnswer(input: string, base: string): string {
  const url = base === '' ? URL.parse(input) : URL.parse(input, base);
  return url ? recordOf(url) : '';
}

function urlWithAnswer(href: string, property: unknown, value: string): string {
  const url = URL.parse(href);
  const name = settableComponents.find((known) => known === property);
  if (!url || !name) return '';
  url[name] = value;
  return url.href.length <= maxUrlChars ? recordOf(url) : '';
}

function recordOf(url: URL): string {
  return components.map((name) => url[name]).join('\n');
}

function encodingAnswer(label: string): string {
  try {
    return new TextDecoder(label).encoding;
  } catch {
    return '';
  }
}

function decodeAnswer(encoding: unknown, bytes: unknown, fatal: unknown): string | undefined {
  if (typeof encoding !== 'string' || !(bytes instanceof Uint8Array) || bytes.byteLength > maxDecodeBytes)
    return '';
  try {
    return new TextDecoder(encoding, { fatal: fatal === true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

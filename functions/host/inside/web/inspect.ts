import { Blob } from './blob.ts';
import { File } from './file.ts';
import { FormData } from './form-data.ts';
import { Headers } from './headers.ts';
import { Request } from './request.ts';
import { Response } from './response.ts';
import { URLSearchParams } from './url-search-params.ts';

/** A value as a line of a log shows it: text as it is, errors by their stack, the rest much as JSON. Never throws. */
export function inspect(value: unknown): string {
  try {
    return show(value, 0, new Set());
  } catch {
    return '[a value that cannot be shown]';
  }
}

const maxDepth = 6;
const maxEntries = 100;

function show(value: unknown, depth: number, above: Set<unknown>): string {
  if (typeof value === 'string') return depth === 0 ? value : JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return `[function ${value.name}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  if (value instanceof Error) return showError(value, depth, above);
  if (above.has(value)) return '[circular]';
  if (depth >= maxDepth) return Array.isArray(value) ? '[array]' : '[object]';
  above.add(value);
  const text = showObject(value, (inner) => show(inner, depth + 1, above));
  above.delete(value);
  return text;
}

function showError(error: Error, depth: number, above: Set<unknown>): string {
  const text = error.stack ?? `${error.name}: ${error.message}`;
  if (error.cause === undefined || above.has(error) || depth >= maxDepth) return text;
  above.add(error);
  return `${text}\n[cause]: ${show(error.cause, depth + 1, above)}`;
}

function showObject(value: object, inner: (value: unknown) => string): string {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  if (value instanceof RegExp) return String(value);
  if (value instanceof Promise) return '[promise]';
  if (value instanceof Map)
    return `Map {${list(value, ([key, item]: [unknown, unknown]) => `${inner(key)} => ${inner(item)}`)}}`;
  if (value instanceof Set) return `Set {${list(value, inner)}}`;
  if (value instanceof ArrayBuffer) return `ArrayBuffer(${value.byteLength})`;
  if (value instanceof DataView) return `DataView(${value.byteLength})`;
  if (ArrayBuffer.isView(value)) return `${value.constructor.name}[${list(value as Uint8Array, inner)}]`;
  if (Array.isArray(value)) return `[${list(value, inner)}]`;
  const fields = platformFields(value);
  if (fields) return `${fields.name} ${inner(fields.shown)}`;
  if ('toJSON' in value && typeof value.toJSON === 'function') return JSON.stringify(value);
  return `{${list(Object.entries(value), ([key, item]: [string, unknown]) => `${JSON.stringify(key)}:${inner(item)}`)}}`;
}

/** What one wants to know of an object whose properties are all accessors. */
function platformFields(value: object): { name: string; shown: object } | undefined {
  if (value instanceof Headers) {
    const cookies = value.getSetCookie();
    const several = cookies.length > 1 ? { 'set-cookie': cookies } : {};
    return { name: 'Headers', shown: { ...Object.fromEntries(value), ...several } };
  }
  if (value instanceof URLSearchParams)
    return { name: 'URLSearchParams', shown: { query: value.toString() } };
  if (value instanceof FormData) return { name: 'FormData', shown: [...value] };
  if (value instanceof Request) {
    const { method, url } = value;
    return { name: 'Request', shown: { method, url } };
  }
  if (value instanceof Response) return { name: 'Response', shown: { status: value.status } };
  if (!(value instanceof Blob)) return undefined;
  const { size, type } = value;
  return value instanceof File
    ? { name: 'File', shown: { name: value.name, size, type } }
    : { name: 'Blob', shown: { size, type } };
}

function list<T>(items: Iterable<T>, one: (item: T) => string): string {
  let text = '';
  let count = 0;
  for (const item of items) {
    if (count === maxEntries) return `${text},…`;
    text += (count++ > 0 ? ',' : '') + one(item);
  }
  return text;
}

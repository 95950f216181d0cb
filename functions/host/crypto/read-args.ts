import { WorkError } from './work-error.ts';

/**
 * Arguments of a piece of work: JSON in which `{ "at": [offset, length] }` stands for bytes beside it (`inside/web/pack.ts`). They come
 * from code of ours on builtins that the tenant may have bent, so nothing of the form is believed.
 */
export type Args = Readonly<Record<string, unknown>>;

const maxDepth = 4;

/** Puts the bytes in their places. Throws WorkError. */
export function readArgs(value: unknown, bytes: Uint8Array, depth = 0): Args {
  if (!isRecord(value) || depth > maxDepth)
    throw new WorkError('TypeError', 'The arguments are not what they should be');
  const args: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const [key, inner] of Object.entries(value)) args[key] = readValue(inner, bytes, depth);
  return args;
}

function readValue(value: unknown, bytes: Uint8Array, depth: number): unknown {
  if (!isRecord(value)) return value;
  if (!Array.isArray(value.at)) return readArgs(value, bytes, depth + 1);
  const [offset, length] = value.at as unknown[];
  const inside =
    Number.isSafeInteger(offset) &&
    Number.isSafeInteger(length) &&
    (offset as number) >= 0 &&
    (length as number) >= 0;
  if (!inside || (offset as number) + (length as number) > bytes.byteLength)
    throw new WorkError('TypeError', 'Bytes lie outside the call');
  return new Uint8Array(bytes.subarray(offset as number, (offset as number) + (length as number)));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function bytesOf(args: Args, name: string): Uint8Array<ArrayBuffer> {
  const value = args[name];
  if (value instanceof Uint8Array) return value as Uint8Array<ArrayBuffer>;
  throw new WorkError('TypeError', `${name} is not bytes`);
}

export function textOf(args: Args, name: string): string {
  const value = args[name];
  if (typeof value === 'string' && value.length <= 128) return value;
  throw new WorkError('TypeError', `${name} is not a text`);
}

export function recordOf(args: Args, name: string): Args {
  const value = args[name];
  if (isRecord(value) && !(value instanceof Uint8Array)) return value;
  throw new WorkError('TypeError', `${name} is not an object`);
}

import type { Call, Limits, Reply, Safe, Tell, Text } from '../types.ts';

/** What bindings are made with, the same for every invocation. */
export type EnvTools = {
  readonly safe: Safe;
  readonly text: Text;
  readonly call: Call;
  readonly tell: Tell;
  readonly limits: Limits;
};

/** A call of one binding for one invocation. */
export type BoundCall = (method: string, args: unknown, payload?: string | Uint8Array) => Promise<Reply>;

/** The same for what needs no answer once it is known to be granted. */
export type BoundTell = (method: string, args: unknown, payload: string | Uint8Array) => Promise<void>;

/** Text goes to the host as it is, which is cheaper to encode there. */
export type Encoded = { readonly payload: string | Uint8Array; readonly contentType: string };

/** Byte arrays as they are, strings as text, everything else as JSON. */
export function encode({ safe }: EnvTools, value: unknown): Encoded {
  const bytes = safe.bytesOf(value);
  if (bytes) return { payload: bytes, contentType: 'application/octet-stream' };
  if (typeof value === 'string') return { payload: value, contentType: 'text/plain; charset=utf-8' };
  return { payload: encodeJson(safe, value), contentType: 'application/json' };
}

/** Byte arrays as they are, everything else as JSON, strings too. */
export function encodeValue({ safe }: EnvTools, value: unknown): string | Uint8Array {
  return safe.bytesOf(value) ?? encodeJson(safe, value);
}

export function encodeJson(safe: Safe, value: unknown): string {
  const json = safe.stringify(value);
  if (json === undefined) throw new TypeError(`${typeof value} is not a value that JSON or bytes can carry`);
  return json;
}

export function asBytes({ text }: EnvTools, payload: string | Uint8Array): Uint8Array {
  return typeof payload === 'string' ? text.encode(payload) : payload;
}

import type { Call, Limits, Reply, Safe, Text } from '../types.ts';

/** What bindings are made with, the same for every invocation. */
export type EnvTools = {
  readonly safe: Safe;
  readonly text: Text;
  readonly call: Call;
  readonly limits: Limits;
};

/** A call of one binding for one invocation. */
export type BoundCall = (method: string, args: unknown, bytes?: Uint8Array) => Promise<Reply>;

export type Encoded = { readonly bytes: Uint8Array; readonly contentType: string };

/** Byte arrays as they are, strings as text, everything else as JSON. */
export function encode(tools: EnvTools, value: unknown): Encoded {
  const bytes = tools.safe.bytesOf(value);
  if (bytes) return { bytes, contentType: 'application/octet-stream' };
  if (typeof value === 'string')
    return { bytes: tools.text.encode(value), contentType: 'text/plain; charset=utf-8' };
  return { bytes: encodeJson(tools, value), contentType: 'application/json' };
}

/** Byte arrays as they are, everything else as JSON, strings too. */
export function encodeValue(tools: EnvTools, value: unknown): Uint8Array {
  return tools.safe.bytesOf(value) ?? encodeJson(tools, value);
}

export function encodeJson({ safe, text }: EnvTools, value: unknown): Uint8Array {
  const json = safe.stringify(value);
  if (json === undefined) throw new TypeError(`${typeof value} is not a value that JSON or bytes can carry`);
  return text.encode(json);
}

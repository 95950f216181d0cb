import { ownBuffer } from '../web/bytes.ts';
import type { Payload } from '../types.ts';
import { asBytes, encodeValue, type BoundCall, type EnvTools } from './encode.ts';

type PutOptions = {
  readonly ttl?: unknown;
  readonly expirationTtl?: unknown;
  readonly expiration?: unknown;
  readonly expected?: unknown;
};

/** `{ kv: store }`. Options by `{ as }` are ours; a type as a string, or `{ type }`, asks as Workers do. */
export class KeyValue {
  readonly #tools: EnvTools;
  readonly #call: BoundCall;

  constructor(tools: EnvTools, call: BoundCall) {
    this.#tools = tools;
    this.#call = call;
  }

  async get(key: unknown, options: unknown = {}): Promise<unknown> {
    const { as, type } = (typeof options === 'string' ? { type: options } : options) as {
      as?: unknown;
      type?: unknown;
    };
    const { payload } = await this.#call('get', { key });
    if (type !== undefined) return payload ? this.#decodeAs(payload, type) : null;
    if (payload === undefined) return undefined;
    if (as === 'bytes') return payload.bytes();
    const decoded = payload.text();
    return as === 'text' ? decoded : this.#tools.safe.parse(decoded);
  }

  async put(key: unknown, value: unknown, options: PutOptions = {}): Promise<boolean | undefined> {
    const payload = encodeValue(this.#tools, value);
    const args = { key, ...expiry(options) };
    const { expected } = options;
    if (expected === undefined) {
      await this.#call('put', args, payload);
      return undefined;
    }
    const bytes = asBytes(this.#tools, payload);
    const before = expected === null ? undefined : asBytes(this.#tools, encodeValue(this.#tools, expected));
    const body = new Uint8Array((before?.length ?? 0) + bytes.length);
    if (before) body.set(before);
    body.set(bytes, before?.length ?? 0);
    const { json } = await this.#call('put', { ...args, expectedBytes: before ? before.length : null }, body);
    return json === true;
  }

  async delete(key: unknown): Promise<void> {
    await this.#call('delete', { key });
  }

  async list({
    prefix,
    limit,
  }: { readonly prefix?: unknown; readonly limit?: unknown } = {}): Promise<unknown> {
    return (await this.#call('list', { prefix, limit })).json;
  }

  /** What `put` was given, as Workers would give it back: a string comes back as it is, and as the JSON that it holds. */
  #decodeAs(payload: Payload, type: unknown): unknown {
    if (type === 'arrayBuffer') return ownBuffer(payload.bytes());
    if (type !== 'text' && type !== 'json')
      throw new TypeError(`The type of a value is text, json or arrayBuffer, not ${String(type)}`);
    const { safe } = this.#tools;
    const decoded = payload.text();
    const given = decoded.startsWith('"') ? safe.parse(decoded) : decoded;
    return type === 'text' || typeof given !== 'string' ? given : safe.parse(given);
  }
}

/** `ttl` and `expirationTtl` are seconds from now, `expiration` seconds since 1970. */
function expiry({ ttl, expirationTtl, expiration }: PutOptions) {
  const ttlSeconds = ttl ?? expirationTtl;
  if (ttlSeconds !== undefined) return { ttlSeconds };
  return expiration === undefined ? {} : { expiresAt: Number(expiration) * 1000 };
}

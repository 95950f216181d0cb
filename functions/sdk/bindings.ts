export type PublishOptions = {
  /** Needed when the grant is a topic filter; must match it. */
  readonly topic?: string;
  readonly retain?: boolean;
  /** Default 1. */
  readonly qos?: 0 | 1;
  /** Default by the value: application/json, text/plain or application/octet-stream. */
  readonly contentType?: string;
};

/** `{ publish: topic }` in the manifest. What an invocation publishes goes out when it succeeds, all of it or nothing. */
export type Publisher = {
  /** Objects go as JSON, strings as text, byte arrays as they are. At most 256 KiB. */
  publish(value: unknown, options?: PublishOptions): Promise<void>;
};

/** `{ kv: store }` in the manifest. Reads see the writes of the same invocation; writes are kept when it succeeds. */
export type KeyValue = {
  /** The value parsed as JSON, or undefined. */
  get(key: string, options?: { readonly as?: 'json' }): Promise<unknown>;
  get(key: string, options: { readonly as: 'text' }): Promise<string | undefined>;
  get(key: string, options: { readonly as: 'bytes' }): Promise<Uint8Array | undefined>;
  /** Byte arrays are kept as they are, everything else as JSON. Keys to 512 bytes, values to 256 KiB. */
  put(key: string, value: unknown): Promise<void>;
  delete(key: string): Promise<void>;
  /** Keys in ascending order. `limit` is at most 1000, the default 100. */
  list(options?: { readonly prefix?: string; readonly limit?: number }): Promise<string[]>;
};

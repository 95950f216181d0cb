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

export type PutOptions = {
  /** Seconds until the value is gone. */
  readonly ttl?: number;
  /** The same, as Workers name it. */
  readonly expirationTtl?: number;
  /** When it is gone: seconds since 1970. */
  readonly expiration?: number;
};

/** `{ kv: store }` in the manifest. Reads see the writes of the same invocation; writes are kept when it succeeds. */
export type KeyValue = {
  /** The value parsed as JSON, or undefined. */
  get(key: string, options?: { readonly as?: 'json' }): Promise<unknown>;
  get(key: string, options: { readonly as: 'text' }): Promise<string | undefined>;
  get(key: string, options: { readonly as: 'bytes' }): Promise<Uint8Array | undefined>;
  /** As in Workers: a string comes back as it was put, with `json` what it holds as JSON; null when there is none. */
  get(key: string, type: 'text' | { readonly type: 'text' }): Promise<string | null>;
  get(key: string, type: 'json' | { readonly type: 'json' }): Promise<unknown>;
  get(key: string, type: 'arrayBuffer' | { readonly type: 'arrayBuffer' }): Promise<ArrayBuffer | null>;
  /** Byte arrays are kept as they are, everything else as JSON. Keys to 512 bytes, values to 256 KiB. */
  put(key: string, value: unknown, options?: PutOptions): Promise<void>;
  /**
   * Only when the present value is `expected` (null: when there is none), and resolves to whether it was. Should another
   * invocation change it before this one ends, this one runs again.
   */
  put(key: string, value: unknown, options: PutOptions & { readonly expected: unknown }): Promise<boolean>;
  delete(key: string): Promise<void>;
  /** Keys in ascending order. `limit` is at most 1000, the default 100. */
  list(options?: { readonly prefix?: string; readonly limit?: number }): Promise<string[]>;
};

/**
 * `{ fetch: [origin] }` in the manifest; the global `fetch` may use every origin granted to the function. Happens at once, also when
 * the invocation fails later. Bodies to 4 MiB, both ways. Rejects with TypeError; its `code` is `denied` for what is not granted.
 */
export type Fetcher = {
  fetch(input: Request | URL | string, init?: RequestInit): Promise<Response>;
};

export type QueueSendOptions = {
  /** A media type, or `json`, `text`, `bytes` as in Workers. Default: JSON, for byte arrays application/octet-stream. */
  readonly contentType?: string;
  /** Seconds until it is delivered; fractions count. */
  readonly delaySeconds?: number;
};

/** `{ queue: name }` in the manifest. Messages are sent when the invocation succeeds, all of them or none. */
export type QueueSender<Body = unknown> = {
  send(body: Body, options?: QueueSendOptions): Promise<void>;
  /** At most 100 messages and 256 KiB. `delaySeconds` is for those that have none of their own. */
  sendBatch(
    messages: Iterable<QueueSendOptions & { readonly body: Body }>,
    options?: { readonly delaySeconds?: number },
  ): Promise<void>;
};

/** `{ invoke: function }` in the manifest: another function of the device. Happens at once; what it does is committed on its own. */
export type Invoker = Fetcher & {
  /** Calls its `invoke` handler, or Lambda handler, with the payload through JSON. Rejects when it fails. */
  invoke(payload?: unknown): Promise<unknown>;
};

/** JSON objects. */
type ShadowSection = Readonly<Record<string, unknown>>;

/** A device shadow as AWS IoT has them. Times are seconds since 1970. */
export type ShadowDocument = {
  readonly state: {
    readonly desired?: ShadowSection;
    readonly reported?: ShadowSection;
    /** What is desired and not reported; absent when nothing is. */
    readonly delta?: ShadowSection;
  };
  /** `{ timestamp }` in the place of every value. */
  readonly metadata: { readonly desired?: ShadowSection; readonly reported?: ShadowSection };
  readonly version: number;
  readonly timestamp: number;
  readonly clientToken?: string;
};

/** Objects merge key by key, `null` takes away, arrays are replaced whole. */
export type ShadowChange = {
  readonly desired?: ShadowSection | null;
  readonly reported?: ShadowSection | null;
};

export type ShadowRequestOptions = {
  /** Only if the shadow has this version; 0: only if there is none. */
  readonly version?: number;
  /** Comes back in what is published about it; at most 64 bytes. */
  readonly clientToken?: string;
};

/** What `update` and `delete` reject with: wrong, no such shadow, another version, too large. */
export type ShadowError = Error & { readonly code: 400 | 404 | 409 | 413 };

/**
 * `{ shadow: name }` in the manifest. An invocation sees the shadow as it was at its first look, with its own changes. They are kept,
 * published and sent to the cloud when it succeeds; should somebody else have changed the shadow since that look, it runs again.
 */
export type Shadow = {
  /** Null when there is none. */
  get(): Promise<ShadowDocument | null>;
  /** Resolves to the shadow as it is then. Rejects with ShadowError; the invocation may go on. */
  update(state: ShadowChange, options?: ShadowRequestOptions): Promise<ShadowDocument>;
  /** Rejects with ShadowError, 404 when there is none. */
  delete(options?: ShadowRequestOptions): Promise<void>;
};

/** `{ secret: name }` in the manifest: the value itself, which is in `process.env` under the name of the binding too. */
export type Secret = string;

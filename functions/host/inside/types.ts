/**
 * Files of this folder run inside the isolate, beside the tenant: bundled to one script whose heap is kept as a start-up snapshot
 * (`main.ts`). They run first and keep what they need of the language in `Safe`; the tenant may replace every builtin afterwards
 * and only fools itself. [G6]
 */
export type Limits = {
  readonly pendingCalls: number;
  readonly calls: number;
  readonly toldCalls: number;
  readonly toldChars: number;
  readonly callBytes: number;
  readonly workBytes: number;
  readonly fetchBytes: number;
  readonly callArgsChars: number;
  readonly timers: number;
  readonly timersSet: number;
  readonly waitUntil: number;
  readonly logLines: number;
  readonly logLineChars: number;
  readonly logChars: number;
  readonly errorChars: number;
  readonly resultBytes: number;
};

export type Setup = {
  readonly name: string;
  readonly memoryMb: number;
  readonly bindings: Readonly<Record<string, string>>;
  /** Values of secret bindings, by binding name. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly limits: Limits;
};

/** To the host; strings, numbers and bytes only. The one authority in the isolate: no tenant code ever holds it. */
export type Send = (
  op: 'done' | 'fail' | 'call' | 'work' | 'log' | 'timer' | 'clear',
  invocation: number,
  id: number,
  text: string,
  payload?: string | Uint8Array,
) => void;

/** Several messages to the host in one call: their heads, all texts one after the other, and the bytes of one of them. */
export type Post = (heads: string, texts: string, bytes?: Uint8Array) => void;

/** From the host: `entry.ts` has the form. `inline`: it waits for the end and hears what is said at once. */
export type Enter = (heads: string, texts: string, bytes: Uint8Array | undefined, inline: boolean) => void;

/** What came with an event or a reply, as text or bytes; what it did not come as is made when asked for. */
export type Payload = {
  readonly isText: boolean;
  readonly text: () => string;
  readonly bytes: () => Uint8Array;
};

export type Safe = {
  readonly apply: (f: unknown, self: unknown, args: readonly unknown[]) => unknown;
  readonly empty: () => Record<string, unknown>;
  readonly drop: (table: object, key: number | string) => void;
  readonly parse: (text: string) => unknown;
  readonly stringify: (value: unknown) => string | undefined;
  readonly bytesOf: (value: unknown) => Uint8Array | undefined;
  /** The memory of an array of bytes. */
  readonly bufferOf: (bytes: Uint8Array) => ArrayBuffer;
  readonly whenSettled: (
    value: unknown,
    ok: (value: unknown) => void,
    failed: (error: unknown) => void,
  ) => void;
  readonly describe: (error: unknown, maxChars: number) => Description;
};

type Description = {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
  /** It is what a binding call rejects with when the manifest does not grant it. */
  readonly denied: boolean;
};

export type Text = {
  readonly encode: (text: string) => Uint8Array;
  readonly decode: (bytes: Uint8Array, fatal?: boolean) => string;
};

export type Invocation = {
  readonly id: number;
  readonly label: string;
  readonly deadline: number;
  /** Of HTTP: a caller waits for what the handler answers. */
  readonly isRequest: boolean;
  /** Of a request: what work under waitUntil was first rejected with, and who is to be told of it when it comes. */
  failed: { readonly error: unknown } | undefined;
  whenWorkFails: ((error: unknown) => void) | undefined;
  ended: boolean;
  /** The handler and every waitUntil that has not settled. */
  open: number;
  answer: Answer | undefined;
  /** The author asked for no other attempt should this one fail. */
  noRetry: boolean;
  calls: number;
  /** Of them those that wait for no answer, and what these carry. */
  told: number;
  toldChars: number;
  waiting: number;
  timers: number;
  timersSet: number;
  lines: number;
  chars: number;
  dropped: number;
};

export type Call = (
  invocation: Invocation,
  binding: string,
  method: string,
  args: unknown,
  payload?: string | Uint8Array,
) => Promise<Reply>;
/** As `Call`; settles when the call is granted, or known to be. */
export type Tell = (
  invocation: Invocation,
  binding: string,
  method: string,
  args: unknown,
  payload: string | Uint8Array,
) => Promise<void>;
export type Reply = { readonly json: unknown; readonly payload: Payload | undefined };

/** What the host gets of a handler's result. */
export type Answer =
  /** JSON of a value, or nothing. */
  | { readonly json: string }
  /** The same, asked for when all work under waitUntil has ended: it may still have a say. May throw. */
  | { readonly jsonAtEnd: () => string }
  | { readonly response: ResponseHead; readonly body: Uint8Array }
  | { readonly failure: 'resultTooLarge'; readonly message: string };

export type ResponseHead = { readonly status: number; readonly headers: [name: string, value: string][] };

/**
 * What runs between the agent (`functions/runtime`) and a host process, one JSON header and one body of bytes a frame.
 * The host believes the agent; the agent believes nothing and checks every header again (`runtime/host-messages.ts`).
 */
export type BindingKind = 'publish' | 'kv' | 'fetch' | 'secret' | 'queue' | 'invoke' | 'shadow';
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Why an invocation or a load failed, as the host sees it. */
export type FailureCode =
  | 'timeout'
  | 'cpu'
  | 'memory'
  | 'threw'
  | 'denied'
  | 'resultTooLarge'
  | 'noHandler'
  | 'badBundle'
  /** Its isolate was stopped because of another invocation. */
  | 'isolateLost';
/** `noRetry`: the function asked for no other attempt. */
export type Failure = { code: FailureCode; message: string; stack?: string; noRetry?: true };

export type EventHeader =
  | { kind: 'message'; topic: string; contentType?: string; time: string }
  | { kind: 'scheduled'; cron: string; scheduledTime: string }
  | { kind: 'invoke' }
  | { kind: 'fetch'; method: string; url: string; headers: [name: string, value: string][]; route: string }
  /** The bodies follow each other in the frame's body. */
  | {
      kind: 'queue';
      queue: string;
      messages: { id: string; size: number; contentType?: string; time: string; attempts: number }[];
    }
  | {
      kind: 'file';
      volume: string;
      path: string;
      change: 'created' | 'modified' | 'deleted';
      size?: number;
      time: string;
    };

/** A file that the code imports by `name`; `size` in bytes. */
export type FileHeader = { readonly name: string; readonly type: 'wasm' | 'data'; readonly size: number };

export type ToHost =
  /** Body: the code, UTF-8, and the files one after another. A slot is one version of one function. */
  | {
      type: 'load';
      slot: number;
      name: string;
      memoryBytes: number;
      cpuMs: number;
      /** Of what a handler returns, or answers by HTTP. */
      resultBytes: number;
      bindings: Record<string, BindingKind>;
      /** Values by binding name. */
      secrets: Record<string, string>;
      files?: readonly FileHeader[];
    }
  | { type: 'unload'; slot: number }
  /** Body: the payload; for `invoke` its JSON text. */
  | {
      type: 'invoke';
      slot: number;
      invocation: number;
      label: string;
      event: EventHeader;
      timeoutMs: number;
    }
  /** Body: the bytes a call gives, when `bytes`. */
  | { type: 'reply'; invocation: number; call: number; ok: true; json?: string; bytes: boolean }
  | { type: 'reply'; invocation: number; call: number; ok: false; code: string; message: string }
  | { type: 'cancel'; invocation: number };

/** The number of a call whose answer nobody waits for. */
export const nobody = 0;

export type CallHeader = {
  type: 'call';
  invocation: number;
  /** Its number, or `nobody`: such a call is granted, or its invocation fails. */
  call: number;
  binding: string;
  method: string;
  args: unknown;
};

export type FromHost =
  | { type: 'ready' }
  | { type: 'loaded'; slot: number; handlers: string[] }
  | { type: 'loadFailed'; slot: number; failure: Failure }
  /** Body: JSON text of the value, empty when there is none; with `response` that of the HTTP answer. */
  | {
      type: 'result';
      invocation: number;
      cpuMs: number;
      coldStart: boolean;
      response?: { status: number; headers: [name: string, value: string][] };
    }
  | { type: 'failed'; invocation: number; cpuMs: number; coldStart: boolean; failure: Failure }
  /** Body: the bytes that a call carries. */
  | CallHeader
  | { type: 'log'; invocation: number; level: LogLevel; message: string }
  /** The last words of a host that V8 has given up on: this slot did it. */
  | { type: 'gasp'; slot: number; message: string; answered: boolean };

export const limits = {
  /** Of results at most; a function may have less. */
  resultBytes: 4 * 2 ** 20,
  /** Of an HTTP answer. */
  responseHeaders: 256,
  responseHeaderChars: 64 * 1024,
  /** Bytes that one binding call carries, either way. */
  callBytes: 256 * 1024,
  /** The same for the body of a `fetch`. */
  fetchBytes: 4 * 2 ** 20,
  /** Calls of `fetch` and `invoke` that one invocation has under way at a time; more wait. */
  openCalls: 6,
  /** Bytes that calls of one invocation which wait for their turn carry together. */
  waitingCallBytes: 8 * 2 ** 20,
  /** Bytes that one piece of cryptographic work takes. */
  workBytes: 4 * 2 ** 20,
  callArgsChars: 16 * 1024,
  /** Calls of one invocation that wait for an answer at a time, and in all. */
  pendingCalls: 256,
  calls: 10_000,
  /** Calls of one invocation that wait for no answer, and characters or bytes that these carry: with more it goes at the pace of the agent. */
  toldCalls: 256,
  toldChars: 64 * 1024,
  /** Timers of one invocation that wait at a time, and in all: each costs the host a message, one more when cleared. */
  timers: 256,
  timersSet: 10_000,
  waitUntil: 256,
  logLines: 200,
  logLineChars: 4096,
  logChars: 64 * 1024,
  errorChars: 8192,
  /** CPU time of the top level of a module. */
  loadCpuMs: 1000,
  /** Wall-clock grace the agent gives a host to stop an invocation by itself. */
  watchdogGraceMs: 250,
} as const;

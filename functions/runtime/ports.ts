import type { ShadowDocument, UpdateRequest } from '../../lib/shadow/shadow-messages.ts';
import type { BareRequest, Outcome } from '../../lib/shadow/shadow-request.ts';
import type { FunctionSpec } from '../../manifests/function.ts';
import type { FunctionBundle } from '../bundle/read-bundle.ts';

export type FunctionDefinition = {
  readonly name: string;
  readonly bundle: FunctionBundle;
  readonly spec: FunctionSpec;
};

export type InvocationEvent =
  | {
      readonly kind: 'message';
      readonly topic: string;
      readonly payload: Uint8Array;
      readonly contentType?: string | undefined;
      /** RFC 3339 */
      readonly time: string;
    }
  /** `scheduledTime`: RFC 3339, the planned time */
  | { readonly kind: 'scheduled'; readonly cron: string; readonly scheduledTime: string }
  | { readonly kind: 'invoke'; readonly payload: unknown }
  /** An HTTP request; the answer is the result's `response`. */
  | {
      readonly kind: 'fetch';
      readonly method: string;
      /** Absolute. */
      readonly url: string;
      readonly headers: readonly (readonly [name: string, value: string])[];
      readonly body: Uint8Array;
      /** The trigger's route, as written. */
      readonly route: string;
    }
  /** Messages of one queue, oldest first; the answer is the result's `queue`. */
  | { readonly kind: 'queue'; readonly queue: string; readonly messages: readonly QueueMessage[] }
  /** A file of a volume. `path` is relative to the volume, with `/`. `size` in bytes, absent when deleted. `time`: RFC 3339. */
  | {
      readonly kind: 'file';
      readonly volume: string;
      readonly path: string;
      readonly change: 'created' | 'modified' | 'deleted';
      readonly size?: number;
      readonly time: string;
    };

export type QueueMessage = {
  readonly id: string;
  readonly body: Uint8Array;
  readonly contentType?: string | undefined;
  /** When it was sent; RFC 3339. */
  readonly time: string;
  /** This delivery included. */
  readonly attempts: number;
};

/** What an HTTP trigger answers. */
export type FunctionResponse = {
  /** 200 to 599 */
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
};

/** What became of a batch: ids to deliver again, after `delayMs` when given. Every other message is done. */
export type QueueOutcome = {
  readonly retry: readonly { readonly id: string; readonly delayMs?: number | undefined }[];
};

/**
 * What an invocation may do, implemented by the caller for each one: its buffered transaction. Calls are already checked
 * against the manifest and for size; they arrive in the order the function made them. The function is
 * told that an effect was rejected, unless it waits for no answer; whatever it makes of that, `invoke` rejects with the first such
 * error as it is.
 */
export type InvocationEffects = {
  publish(message: {
    readonly topic: string;
    readonly payload: Uint8Array;
    readonly qos: 0 | 1;
    readonly retain: boolean;
    readonly contentType?: string;
  }): void | Promise<void>;
  kvGet(store: string, key: string): Promise<Uint8Array | undefined> | Uint8Array | undefined;
  /**
   * Resolves to whether it was put. `expiresAt`: milliseconds since 1970. `expected`: put only when the present value has these
   * bytes (`null`: when there is none); the commit checks again, and a conflict there makes the invocation run again.
   */
  kvPut(
    store: string,
    key: string,
    value: Uint8Array,
    options?: { readonly expiresAt?: number | undefined; readonly expected?: Uint8Array | null | undefined },
  ): boolean | Promise<boolean>;
  /** To the queue `queue`, delivered after `delayMs`. */
  queueSend(
    queue: string,
    message: {
      readonly body: Uint8Array;
      readonly contentType?: string | undefined;
      readonly delayMs: number;
    },
  ): void | Promise<void>;
  kvDelete(store: string, key: string): void | Promise<void>;
  /** Keys that begin with `prefix`, ascending, at most `limit`. */
  kvList(
    store: string,
    options: { readonly prefix: string; readonly limit: number },
  ): Promise<string[]> | string[];
  /** As it was when this invocation first looked, with what it changed of it; undefined when there is none. */
  shadowGet(name: string): ShadowDocument | undefined | Promise<ShadowDocument | undefined>;
  /**
   * Gives the shadow as it is then, or the refusal of AWS IoT, which is an answer and breaks nothing. The commit checks that nobody
   * changed the shadow since the first look; a conflict there makes the invocation run again.
   */
  shadowUpdate(
    name: string,
    request: UpdateRequest,
  ): Outcome<ShadowDocument> | Promise<Outcome<ShadowDocument>>;
  /** Gives the version with which it is gone. */
  shadowDelete(name: string, request: BareRequest): Outcome<DeletedShadow> | Promise<Outcome<DeletedShadow>>;
};

export type DeletedShadow = { readonly version: number; readonly timestamp: number };

/**
 * What a binding reaches beyond the transaction of an invocation, implemented by the agent once. Calls are already checked
 * against the manifest. Each rejects with a coded error: `denied`, `badCall` or `badInput` for what the function may not ask;
 * the message of any other is told to the function, which may go on. An abort means that the invocation has ended.
 */
export type OutsideEffects = {
  /** Only for addresses that `origins` allow; `denied` otherwise, after each redirect and look-up too. */
  fetch(request: OutboundRequest, options: { readonly signal: AbortSignal }): Promise<OutboundResponse>;
  /** The value of a secret of this device, or undefined; asked when a function is loaded. */
  secret(name: string): Promise<string | undefined>;
  /** Runs another function to its end. `depth` of the caller plus one; loops end at a depth of 8. */
  invoke(
    name: string,
    event: InvocationEvent,
    options: { readonly depth: number; readonly signal: AbortSignal },
  ): Promise<InvocationResult>;
};

export type OutboundRequest = {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array | undefined;
  readonly redirect: 'follow' | 'manual' | 'error';
  /** Origins of the grant, `https://host:port`. */
  readonly origins: readonly string[];
  readonly maxResponseBytes: number;
  /** Asked before a redirect is followed, with the bytes that this sends; false when that is more than the invocation may send. */
  readonly spendEgress?: (bytes: number) => boolean;
};

export type OutboundResponse = FunctionResponse & { readonly url: string; readonly redirected: boolean };

export type InvocationResult = {
  /** What the handler returned, through JSON; undefined when it returned nothing. */
  readonly value: unknown;
  /** Of a `fetch` event. */
  readonly response?: FunctionResponse | undefined;
  /** Of a `queue` event. */
  readonly queue?: QueueOutcome | undefined;
  readonly cpuMs: number;
  /** Sent by fetch. */
  readonly egressBytes: number;
  readonly wallMs: number;
  /** The isolate was made for this invocation. */
  readonly coldStart: boolean;
};

export type FunctionLog = {
  readonly function: string;
  readonly invocation: string;
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  /** RFC 3339 */
  readonly time: string;
};

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
  | { readonly kind: 'invoke'; readonly payload: unknown };

/**
 * What an invocation may do, implemented by the caller for each one: its buffered transaction. Calls are already checked
 * against the manifest and for size; they arrive in the order the function made them. The function is
 * told that an effect was rejected; even if it catches that, `invoke` rejects with the first such error as it is.
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
  kvPut(store: string, key: string, value: Uint8Array): void | Promise<void>;
  kvDelete(store: string, key: string): void | Promise<void>;
  /** Keys that begin with `prefix`, ascending, at most `limit`. */
  kvList(
    store: string,
    options: { readonly prefix: string; readonly limit: number },
  ): Promise<string[]> | string[];
};

export type InvocationResult = {
  /** What the handler returned, through JSON; undefined when it returned nothing. */
  readonly value: unknown;
  readonly cpuMs: number;
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

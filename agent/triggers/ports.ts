import type { Digest } from '../../lib/digest.ts';
import type { FunctionSpec } from '../../manifests/function.ts';

/** What reaches a function. */
export type InvocationEvent =
  | {
      readonly kind: 'message';
      readonly topic: string;
      readonly payload: Uint8Array;
      readonly contentType?: string;
      readonly time: string;
    }
  | { readonly kind: 'scheduled'; readonly cron: string; readonly scheduledTime: string }
  | { readonly kind: 'invoke'; readonly payload: unknown };

export type PublishedMessage = {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1;
  readonly retain: boolean;
  readonly contentType?: string;
};

/** What one invocation does to the world: buffered, and committed with the end of its event. */
export type InvocationEffects = {
  publish(message: PublishedMessage): void | Promise<void>;
  kvGet(store: string, key: string): Promise<Uint8Array | undefined> | Uint8Array | undefined;
  kvPut(store: string, key: string, value: Uint8Array): void | Promise<void>;
  kvDelete(store: string, key: string): void | Promise<void>;
  kvList(
    store: string,
    options: { readonly prefix: string; readonly limit: number },
  ): Promise<string[]> | string[];
};

/** What the data plane needs to know of a bundle; the runtime knows the rest. */
export type BundleIdentity = { readonly digest: Digest };

/** Runs functions. A rejection with `transient: true` says nothing against the function: the event is delivered again. */
export type FunctionRuntimePort<Bundle extends BundleIdentity = BundleIdentity> = {
  deploy(definition: {
    readonly name: string;
    readonly bundle: Bundle;
    readonly spec: FunctionSpec;
  }): Promise<void>;
  remove(name: string): Promise<void>;
  invoke(
    name: string,
    event: InvocationEvent,
    effects: InvocationEffects,
    options: { readonly signal: AbortSignal },
  ): Promise<{ readonly value: unknown }>;
};

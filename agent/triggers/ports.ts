import type {
  DeletedShadow,
  InvocationEffects,
  InvocationEvent,
  InvocationResult,
} from '../../functions/index.ts';
import type { Digest } from '../../lib/digest.ts';
import type { FunctionSpec } from '../../manifests/function.ts';

export type { DeletedShadow, InvocationEffects, InvocationEvent, InvocationResult };

export type PublishedMessage = Parameters<InvocationEffects['publish']>[0];

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
  /** Why the function as such cannot run at present, such as a secret that is not set; undefined when it can. */
  problem?(name: string): string | undefined;
  /** How many binding calls of the function were denied since the start. */
  denials?(name: string): number;
  invoke(
    name: string,
    event: InvocationEvent,
    effects: InvocationEffects,
    options: {
      readonly signal: AbortSignal;
      /** How many functions called each other before this one. */
      readonly depth?: number | undefined;
      /** Under which its logs are kept; a new one by default. */
      readonly invocation?: string | undefined;
    },
  ): Promise<InvocationResult>;
};

import type { InvocationEvent, InvocationResult } from '../triggers/ports.ts';

/** The secrets of this device, for tokens. */
export type SecretSource = {
  get(name: string): Promise<string | undefined>;
  /** Calls back after a secret was set or removed, until the returned function is called. */
  onChange(listener: (name: string) => void): () => void;
};

/** Runs an event of a function for a caller who waits; its effects are durable before it resolves. [G1] */
export type CallFunction = (
  name: string,
  event: InvocationEvent,
  options: { readonly signal: AbortSignal; readonly invocation: string },
) => Promise<InvocationResult>;

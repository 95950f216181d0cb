import type { z } from 'zod';
import { FunctionError } from '../../function-error.ts';
import type { InvocationEffects, OutsideEffects } from '../ports.ts';
import type { EgressMeter } from './egress-meter.ts';

export type BindingCall = {
  /** `''`: the global `fetch`, which may use every fetch grant of the function. */
  readonly binding: string;
  readonly method: string;
  readonly args: unknown;
  readonly body: Uint8Array;
};
export type CallReply = { readonly json?: unknown; readonly bytes?: Uint8Array | undefined };

/** What the calls of one invocation work with. */
export type CallContext = {
  readonly effects: InvocationEffects;
  /** Undefined when this runtime gives none of what it is for. */
  readonly outside: OutsideEffects | undefined;
  /** How many functions called each other before this one. */
  readonly depth: number;
  /** Aborts when the invocation ends, however it ends. Made when it is asked for: most calls need none. */
  readonly signal: () => AbortSignal;
  readonly egress: EgressMeter;
  /** Milliseconds since 1970. */
  readonly now: () => number;
};

/** The arguments of a call as `schema` gives them. Throws FunctionError `badCall`. */
export function argumentsOf<T>(schema: z.ZodType<T>, call: BindingCall): T {
  const result = schema.safeParse(call.args);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw badCall(call, `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'wrong arguments'}`);
}

export function denied(call: BindingCall, why: string): FunctionError {
  return new FunctionError('denied', `${nameOf(call)} is denied: ${why}`, {
    hint: 'Add the grant to the bindings of the function in the manifest.',
  });
}

export function badCall(call: BindingCall, why: string): FunctionError {
  return new FunctionError('badCall', `${nameOf(call)} is refused: ${why}`);
}

/** What the author wrote. */
export function nameOf({ binding, method }: BindingCall): string {
  return binding === '' ? method : `env.${binding}.${method}`;
}

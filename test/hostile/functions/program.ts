import type { FunctionErrorCode } from '../../../functions/function-error.ts';
import type { InvocationEvent } from '../../../functions/index.ts';

/** One hostile function, and what must become of it. It runs in a host process of its own, beside a neighbour. */
export type HostileProgram = {
  /** Completes the sentence "a function that …". */
  readonly name: string;
  /** The inside of `async invoke(payload, env, ctx) { … }`, or a whole module when it says `export default`. */
  readonly code: string;
  readonly manifest?: Readonly<Record<string, unknown>>;
  /** By default the address of a server on the loopback address that nobody may reach, as `canary`. */
  readonly payload?: unknown;
  /** Instead of an `invoke` with the payload. */
  readonly event?: InvocationEvent;
  /** How often it is invoked, one after another; once by default. The last outcome counts. */
  readonly times?: number;
  readonly expected: Expected;
};

export type Expected =
  | { readonly returns: unknown }
  /** Rejected with one of these; more than one where the machine's load or V8's collector decides. */
  | { readonly codes: readonly FunctionErrorCode[]; readonly message?: RegExp }
  /** Not even loaded: `deploy` rejects with this. */
  | { readonly refused: FunctionErrorCode };

/** What programs may use unless they say otherwise: a little of each binding that keeps its effects in the transaction. */
export const bindings = { OUT: { publish: 'out' }, KV: { kv: 'own' } };

/** Of programs that are to be stopped: soon enough for a test, late enough that a busy machine does not stop them for another reason. */
export const tight = { cpu: '200ms', timeout: '3s', memory: '32MiB' };

/** Of programs that nothing but the clock stops, however late it is. */
export const brief = { ...tight, timeout: '1s' };

/** Of more than one code the first is what comes unless the machine's load decides otherwise. */
export const isStoppedByClock = (expected: Expected): boolean =>
  'codes' in expected && expected.codes[0] === 'timeout';

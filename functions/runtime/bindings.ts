import type { Binding, FunctionSpec } from '../../manifests/function.ts';
import { FunctionError } from '../function-error.ts';
import { limits, type BindingKind } from '../host/protocol.ts';
import { badCall, denied, type BindingCall, type CallContext, type CallReply } from './bindings/call.ts';
import { prepareFetch } from './bindings/fetch.ts';
import { callInvoke } from './bindings/invoke.ts';
import { callKeyValue } from './bindings/key-value.ts';
import { callPublish } from './bindings/publish.ts';
import { callQueue } from './bindings/queue.ts';
import { callShadow } from './bindings/shadow.ts';

type Bindings = FunctionSpec['bindings'];
/** A call that may be made. */
export type PreparedCall = () => Promise<CallReply>;

/** Those of the invocation's own transaction. */
const ownKinds: ReadonlySet<BindingKind> = new Set(['publish', 'kv', 'queue', 'shadow']);

/**
 * The kinds of a function's bindings. Without `outside`, those that need it are refused at deploy rather than missing at
 * run time: FunctionError `unsupported`.
 */
export function bindingKinds(
  name: string,
  bindings: Bindings,
  { outside }: { readonly outside: boolean },
): Record<string, BindingKind> {
  return Object.fromEntries(
    Object.entries(bindings).map(([binding, grant]) => {
      const kind = kindOf(grant);
      if (outside || ownKinds.has(kind)) return [binding, kind];
      throw new FunctionError(
        'unsupported',
        `Function ${name}: binding ${binding} is of kind ${kind}, which is not offered here`,
        { hint: `Remove functions.${name}.bindings.${binding}, or run it by an agent.` },
      );
    }),
  );
}

function kindOf(grant: Binding): BindingKind {
  if ('publish' in grant) return 'publish';
  if ('kv' in grant) return 'kv';
  if ('fetch' in grant) return 'fetch';
  if ('secret' in grant) return 'secret';
  if ('queue' in grant) return 'queue';
  if ('invoke' in grant) return 'invoke';
  grant satisfies { shadow: string };
  return 'shadow';
}

/** Whether a call happens at once, outside the transaction of its invocation; others keep the order in which they were made. */
export function isOutsideCall(bindings: Bindings, { binding, method }: BindingCall): boolean {
  if (method === 'fetch') return true;
  const grant = grantOf(bindings, binding);
  return grant !== undefined && 'invoke' in grant;
}

/**
 * Decides what a call may do by the manifest alone, whatever the host says, and does it. [G6]
 * Rejects with FunctionError `denied`, `badCall`, `tooDeep` or `callFailed`, or as the effect does.
 */
export async function performCall(
  bindings: Bindings,
  call: BindingCall,
  context: CallContext,
): Promise<CallReply> {
  return prepareCall(bindings, call, context)();
}

/**
 * The first half of `performCall`: what can be refused before the call has its turn, and what it takes of `limits.egress`. The result
 * does it. Throws FunctionError `denied` or `badCall`; the result rejects as `performCall` does.
 */
export function prepareCall(bindings: Bindings, call: BindingCall, context: CallContext): PreparedCall {
  const maxBytes = call.method === 'fetch' ? limits.fetchBytes : limits.callBytes;
  if (call.body.byteLength > maxBytes)
    throw badCall(call, `${call.body.byteLength} bytes; the limit is ${maxBytes}`);
  if (call.binding === '') return prepareFetch(fetchGrants(bindings), call, context);
  const grant = grantOf(bindings, call.binding);
  if (!grant) throw denied(call, 'the manifest grants no such binding');
  if ('publish' in grant) return async () => callPublish(grant.publish, call, context);
  if ('kv' in grant) return async () => callKeyValue(grant.kv, call, context);
  if ('queue' in grant) return async () => callQueue(grant.queue, call, context);
  if ('fetch' in grant) return prepareFetch(grant.fetch, call, context);
  if ('invoke' in grant) return async () => callInvoke(grant.invoke, call, context);
  if ('shadow' in grant) return async () => callShadow(grant.shadow, call, context);
  throw denied(call, 'a secret is a value and has no methods');
}

function grantOf(bindings: Bindings, binding: string): Binding | undefined {
  return Object.hasOwn(bindings, binding) ? bindings[binding] : undefined;
}

function fetchGrants(bindings: Bindings): string[] {
  return Object.values(bindings).flatMap((grant) => ('fetch' in grant ? grant.fetch : []));
}

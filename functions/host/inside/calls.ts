import { makeGrantedCalls } from './granted-calls.ts';
import type { CallAnswer } from './ops.ts';
import { nobody } from '../protocol.ts';
import type { Call, Invocation, Limits, Payload, Reply, Safe, Send, Tell } from './types.ts';

/** Binding calls that wait for the host, keyed by a number. */
export function makeCalls(safe: Safe, send: Send, limits: Limits) {
  type Waiting = {
    readonly owner: Invocation;
    readonly resolve: (reply: Reply) => void;
    readonly reject: (error: unknown) => void;
  };
  const waiting = safe.empty() as Record<number, Waiting>;
  const NativePromise = Promise;
  let last = 0;

  type Opening = { op: 'call' | 'work'; name: string; maxBytes: number };
  const open = (
    { op, name, maxBytes }: Opening,
    owner: Invocation,
    json: string,
    payload?: string | Uint8Array,
  ) =>
    new NativePromise<Reply>((resolve, reject) => {
      const problem = refusal(limits, owner, { chars: json.length, size: payload?.length ?? 0, maxBytes });
      if (problem !== undefined) throw new Error(`${name} is refused: ${problem}`);
      owner.waiting++;
      owner.calls++;
      last++;
      waiting[last] = { owner, resolve, reject };
      send(op, owner.id, last, json, payload);
    });
  const openingOf = (binding: string, method: string): Opening => {
    const maxBytes = method === 'fetch' ? limits.fetchBytes : limits.callBytes;
    return { op: 'call', name: nameOf(binding, method), maxBytes };
  };
  const call: Call = async (owner, binding, method, args, payload) =>
    open(openingOf(binding, method), owner, safe.stringify({ binding, method, args }) ?? '', payload);
  const granted = makeGrantedCalls(safe);
  const mayTell = ({ ended, calls, told, toldChars }: Invocation, size: number) =>
    !ended && calls < limits.calls && told < limits.toldCalls && toldChars + size <= limits.toldChars;
  /** A call whose answer says no more than that it was granted: without it, once that is known. */
  const tell: Tell = async (owner, binding, method, args, payload) => {
    const json = safe.stringify({ binding, method, args }) ?? '';
    const size = payload.length;
    if (granted.has(json) && mayTell(owner, size)) {
      owner.calls++;
      owner.told++;
      owner.toldChars += size;
      send('call', owner.id, nobody, json, payload);
      return;
    }
    await open(openingOf(binding, method), owner, json, payload);
    granted.add(json);
  };
  /** Work of the host process itself: cryptography. */
  const work = async (owner: Invocation, method: string, args: unknown, bytes?: Uint8Array) => {
    const opening: Opening = { op: 'work', name: `crypto.subtle.${method}`, maxBytes: limits.workBytes };
    return open(opening, owner, safe.stringify({ method, args }) ?? '', bytes);
  };
  const reply = (id: number, answer: CallAnswer, payload: Payload | undefined) => {
    const entry = waiting[id];
    if (!entry) return;
    safe.drop(waiting, id);
    entry.owner.waiting--;
    if (answer.ok) entry.resolve({ json: answer.json, payload });
    else entry.reject(Object.assign(new Error(answer.message), { code: answer.code }));
  };
  const forget = (owner: Invocation) => {
    for (const id in waiting) if (waiting[id]?.owner === owner) safe.drop(waiting, id);
  };
  return { call, tell, work, reply, forget };
}

/** Why a call is not sent, or undefined. */
function refusal(
  limits: Limits,
  owner: Invocation,
  { chars, size, maxBytes }: { readonly chars: number; readonly size: number; readonly maxBytes: number },
): string | undefined {
  if (owner.ended)
    return 'this invocation has ended: use the env given to the running one, and await every call';
  if (owner.waiting >= limits.pendingCalls) return `more than ${limits.pendingCalls} calls wait at a time`;
  if (owner.calls >= limits.calls) return `more than ${limits.calls} calls in one invocation`;
  if (chars > limits.callArgsChars) return `its arguments are larger than ${limits.callArgsChars} characters`;
  if (size > maxBytes) return `${size} bytes; the limit is ${maxBytes}`;
  return undefined;
}

type Work = (owner: Invocation, method: string, args: unknown, bytes?: Uint8Array) => Promise<Reply>;

/** Work for the invocation that runs, as web APIs ask for it. */
export function workOfRunning(work: Work, running: () => Invocation | undefined) {
  return async (method: string, args: unknown, bytes: Uint8Array) => {
    const owner = running();
    if (!owner) throw new Error('crypto.subtle is there only while an event is handled');
    const { json, payload } = await work(owner, method, args, bytes);
    return { json, bytes: payload?.bytes() };
  };
}

/** The global `fetch` is the binding without a name. */
function nameOf(binding: string, method: string): string {
  return binding === '' ? method : `env.${binding}.${method}`;
}

import { FunctionError } from '../../function-error.ts';
import { limits } from '../../host/protocol.ts';
import type { InvocationEvent, OutsideEffects } from '../ports.ts';
import { badCall, denied, nameOf, type BindingCall, type CallContext, type CallReply } from './call.ts';
import { outsideError } from './fetch.ts';
import { requestOf, responseReply } from './request.ts';

/** Functions that call each other end here, and so do those that call themselves. */
const maxDepth = 8;

/** A call of an `invoke` binding: runs the function `name` and waits for it. What it does is committed on its own. */
export async function callInvoke(name: string, call: BindingCall, context: CallContext): Promise<CallReply> {
  const { outside, depth } = context;
  const event = eventOf(call);
  if (!outside) throw denied(call, 'this runtime calls no other functions');
  if (depth >= maxDepth)
    throw new FunctionError(
      'tooDeep',
      `${nameOf(call)} is refused: ${maxDepth} functions called each other already`,
      { hint: 'Look for functions that call each other in a circle.' },
    );
  const result = await run(outside, { name, event, call, context });
  if (event.kind !== 'fetch') return { json: boundedJson(call, result.value) };
  if (!result.response)
    throw new FunctionError('callFailed', `${nameOf(call)} failed: ${name} gave no response`);
  return responseReply(result.response, { url: event.url, redirected: false });
}

function eventOf(call: BindingCall): InvocationEvent {
  switch (call.method) {
    case 'invoke':
      return { kind: 'invoke', payload: payloadOf(call) };
    case 'fetch': {
      const { method, url, headers } = requestOf(call);
      return { kind: 'fetch', method, url: url.href, headers, body: call.body, route: '/*' };
    }
    default:
      throw denied(call, 'an invoke binding has invoke and fetch');
  }
}

async function run(
  outside: OutsideEffects,
  {
    name,
    event,
    call,
    context: { depth, signal },
  }: { name: string; event: InvocationEvent; call: BindingCall; context: CallContext },
) {
  try {
    return await outside.invoke(name, event, { depth: depth + 1, signal: signal() });
  } catch (error) {
    throw outsideError(call, error);
  }
}

function payloadOf(call: BindingCall): unknown {
  if (call.body.byteLength === 0) return undefined;
  try {
    return JSON.parse(Buffer.from(call.body).toString('utf8')) as unknown;
  } catch {
    throw badCall(call, 'the payload is not JSON');
  }
}

/** The answer travels in the header of a frame. */
function boundedJson(call: BindingCall, value: unknown): unknown {
  const size = value === undefined ? 0 : Buffer.byteLength(JSON.stringify(value));
  if (size <= limits.callBytes) return value;
  throw new FunctionError(
    'callFailed',
    `${nameOf(call)} failed: its result has ${size} bytes; at most ${limits.callBytes} come back`,
    { hint: 'Answer a fetch instead: a response may be larger.' },
  );
}

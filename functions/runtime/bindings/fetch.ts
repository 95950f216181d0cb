import { errorCode, errorMessage } from '../../../lib/error-code.ts';
import { FunctionError } from '../../function-error.ts';
import { limits } from '../../host/protocol.ts';
import { badCall, denied, nameOf, type BindingCall, type CallContext, type CallReply } from './call.ts';
import { requestOf, responseReply } from './request.ts';

/** A call of `fetch`, which takes its egress now; `granted` are addresses of which the origins count. Throws FunctionError. */
export function prepareFetch(
  granted: readonly string[],
  call: BindingCall,
  context: CallContext,
): () => Promise<CallReply> {
  const { outside, egress } = context;
  if (call.method !== 'fetch') throw denied(call, 'a fetch binding has fetch');
  const { url, method, headers, redirect, bytes } = requestOf(call);
  const origins = granted.map((address) => new URL(address).origin);
  if (!outside || !origins.includes(url.origin))
    throw denied(call, `${url.origin} is not granted; ${origins.join(', ') || 'nothing'} is`);
  if (!egress.take(bytes))
    throw badCall(
      call,
      `it would send ${bytes} bytes after ${egress.usedBytes}; limits.egress is ${egress.maxBytes} an invocation`,
    );
  return async () => {
    try {
      const response = await outside.fetch(
        {
          ...{ method, url: url.href, headers, redirect, origins },
          body: call.body.byteLength === 0 ? undefined : call.body,
          maxResponseBytes: limits.fetchBytes,
          spendEgress: (more) => egress.take(more),
        },
        { signal: context.signal() },
      );
      return responseReply(response, response);
    } catch (error) {
      throw outsideError(call, error);
    }
  };
}

/** What the function is told, and may catch, when something outside failed. */
export function outsideError(call: BindingCall, error: unknown): FunctionError {
  const message = errorMessage(error).slice(0, 2048);
  switch (errorCode(error)) {
    case 'denied':
      return denied(call, message);
    case 'badCall':
    case 'badInput':
      return badCall(call, message);
    default:
      return new FunctionError('callFailed', `${nameOf(call)} failed: ${message}`, { cause: error });
  }
}

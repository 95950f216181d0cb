import { z } from 'zod';
import { readBareRequest, readUpdate, type Outcome } from '../../../lib/shadow/shadow-request.ts';
import { argumentsOf, denied, type BindingCall, type CallContext, type CallReply } from './call.ts';

const noArguments = z.strictObject({});

/**
 * A call of a `shadow` binding on the shadow it grants. The body is what one would publish on `shadow/{name}/{method}`; what is
 * refused as AWS IoT refuses it is an answer, which the function gets thrown and may go on from.
 */
export async function callShadow(
  name: string,
  call: BindingCall,
  { effects }: CallContext,
): Promise<CallReply> {
  argumentsOf(noArguments, call);
  switch (call.method) {
    case 'get':
      return { json: (await effects.shadowGet(name)) ?? null };
    case 'update': {
      const { accepted: request, rejected } = readUpdate(call.body);
      return replyOf(rejected ? { rejected } : await effects.shadowUpdate(name, request));
    }
    case 'delete': {
      const { accepted: request, rejected } = readBareRequest(call.body);
      return replyOf(rejected ? { rejected } : await effects.shadowDelete(name, request));
    }
    default:
      throw denied(call, 'a shadow binding has get, update and delete');
  }
}

function replyOf<T>({ accepted, rejected }: Outcome<T>): CallReply {
  return { json: rejected ? { rejected } : { accepted } };
}

import { z } from 'zod';
import { argumentsOf, badCall, denied, type BindingCall, type CallContext, type CallReply } from './call.ts';

const maxDelaySeconds = 7 * 86_400;

const messageOptions = {
  contentType: z.string().max(128).optional(),
  delaySeconds: z.number().min(0).max(maxDelaySeconds).default(0),
};
const sendArguments = z.strictObject(messageOptions);
const batchArguments = z.strictObject({
  messages: z
    .array(z.strictObject({ size: z.int().min(0), ...messageOptions }))
    .min(1)
    .max(100),
});

type Message = { readonly body: Uint8Array } & z.output<typeof sendArguments>;

/** A call of a `queue` binding on the queue it grants. */
export async function callQueue(
  queue: string,
  call: BindingCall,
  { effects }: CallContext,
): Promise<CallReply> {
  for (const { body, contentType, delaySeconds } of messagesOf(call)) {
    const delayMs = Math.ceil(delaySeconds * 1000);
    await effects.queueSend(queue, { body, contentType, delayMs });
  }
  return {};
}

function messagesOf(call: BindingCall): Message[] {
  switch (call.method) {
    case 'send':
      return [{ body: call.body, ...argumentsOf(sendArguments, call) }];
    case 'sendBatch': {
      const { messages } = argumentsOf(batchArguments, call);
      const total = messages.reduce((sum, { size }) => sum + size, 0);
      if (total !== call.body.byteLength)
        throw badCall(call, `messages of ${total} bytes in a body of ${call.body.byteLength}`);
      let end = 0;
      return messages.map(({ size, ...options }) => ({
        body: call.body.subarray(end, (end += size)),
        ...options,
      }));
    }
    default:
      throw denied(call, 'a queue binding has send and sendBatch');
  }
}

import { z } from 'zod';
import { topicMatches } from '../../../lib/topic-filter.ts';
import { argumentsOf, badCall, denied, type BindingCall, type CallContext, type CallReply } from './call.ts';

/** A topic to publish to, MQTT 3.1.1 §4.7: no wildcards, none of the broker's own. */
const topicSchema = z
  .string()
  .min(1)
  .max(1024)
  .regex(/^[^+#\0$][^+#\0]*$/, 'an MQTT topic without wildcards');
const publishArguments = z.strictObject({
  topic: topicSchema.optional(),
  retain: z.boolean().default(false),
  qos: z.union([z.literal(0), z.literal(1)]).default(1),
  contentType: z.string().max(128).optional(),
});

/** A call of a `publish` binding; `granted` is its topic filter. */
export async function callPublish(
  granted: string,
  call: BindingCall,
  { effects }: CallContext,
): Promise<CallReply> {
  if (call.method !== 'publish') throw denied(call, 'a publish binding has publish');
  const { topic = exactTopic(granted), qos, retain, contentType } = argumentsOf(publishArguments, call);
  if (topic === undefined) throw badCall(call, `the grant ${granted} is a filter: give { topic }`);
  if (!topicMatches(granted, topic)) throw denied(call, `topic ${topic} is not granted; ${granted} is`);
  await effects.publish({
    topic,
    payload: call.body,
    qos,
    retain,
    ...(contentType === undefined ? {} : { contentType }),
  });
  return {};
}

function exactTopic(granted: string): string | undefined {
  return /[+#]/.test(granted) ? undefined : granted;
}

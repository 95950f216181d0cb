import { z } from 'zod';
import { topicMatches } from '../../lib/topic-filter.ts';
import type { FunctionSpec } from '../../manifests/function.ts';
import { FunctionError } from '../function-error.ts';
import { limits, type BindingKind } from '../host/protocol.ts';
import type { InvocationEffects } from './ports.ts';

export type BindingCall = {
  readonly binding: string;
  readonly method: string;
  readonly args: unknown;
  readonly body: Uint8Array;
};
export type CallReply = { readonly json?: unknown; readonly bytes?: Uint8Array | undefined };

type Bindings = FunctionSpec['bindings'];

/** The kinds this version can give; others are refused at deploy rather than missing at run time. */
export function bindingKinds(name: string, bindings: Bindings): Record<string, BindingKind> {
  return Object.fromEntries(
    Object.entries(bindings).map(([binding, grant]) => {
      if ('publish' in grant) return [binding, 'publish' as const];
      if ('kv' in grant) return [binding, 'kv' as const];
      const kind = Object.keys(grant).join();
      throw new FunctionError(
        'unsupported',
        `Function ${name}: binding ${binding} is of kind ${kind}, which this agent does not offer`,
        {
          hint: `Remove functions.${name}.bindings.${binding}, or update the agent.`,
        },
      );
    }),
  );
}

/** A topic to publish to, MQTT 3.1.1 §4.7: no wildcards, none of the broker's own. */
const topicSchema = z
  .string()
  .min(1)
  .max(1024)
  .regex(/^[^+#\0$][^+#\0]*$/, 'an MQTT topic without wildcards');
const publishArgs = z.strictObject({
  topic: topicSchema.optional(),
  retain: z.boolean().default(false),
  qos: z.union([z.literal(0), z.literal(1)]).default(1),
  contentType: z.string().max(128).optional(),
});
const key = z
  .string()
  .min(1)
  .max(512)
  .refine((text) => !text.includes('\0'), 'a key has no NUL');
const keyArgs = z.strictObject({ key });
const listArgs = z.strictObject({
  prefix: z.string().max(512).default(''),
  limit: z.int().min(1).max(1000).default(100),
});

/**
 * Decides what a call may do by the manifest alone, whatever the host says, and does it. [G6]
 * Rejects with FunctionError `denied` or `badCall`, or as the effect does.
 */
export async function performCall(
  bindings: Bindings,
  call: BindingCall,
  effects: InvocationEffects,
): Promise<CallReply> {
  const grant = Object.hasOwn(bindings, call.binding) ? bindings[call.binding] : undefined;
  if (call.body.byteLength > limits.callBytes)
    throw badCall(call, `${call.body.byteLength} bytes; the limit is ${limits.callBytes}`);
  if (grant && 'publish' in grant && call.method === 'publish') return publish(grant.publish, call, effects);
  if (grant && 'kv' in grant) return keyValue(grant.kv, call, effects);
  throw denied(call, 'the manifest grants no such binding');
}

async function publish(granted: string, call: BindingCall, effects: InvocationEffects): Promise<CallReply> {
  const { topic = exactTopic(granted), qos, retain, contentType } = args(publishArgs, call);
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

async function keyValue(store: string, call: BindingCall, effects: InvocationEffects): Promise<CallReply> {
  switch (call.method) {
    case 'get':
      return { bytes: await effects.kvGet(store, args(keyArgs, call).key) };
    case 'put':
      await effects.kvPut(store, args(keyArgs, call).key, call.body);
      return {};
    case 'delete':
      await effects.kvDelete(store, args(keyArgs, call).key);
      return {};
    case 'list':
      return { json: await effects.kvList(store, args(listArgs, call)) };
    default:
      throw denied(call, 'a kv binding has get, put, delete and list');
  }
}

function args<T>(schema: z.ZodType<T>, call: BindingCall): T {
  const result = schema.safeParse(call.args);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw badCall(call, `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'wrong arguments'}`);
}

function denied({ binding, method }: BindingCall, why: string): FunctionError {
  return new FunctionError('denied', `env.${binding}.${method} is denied: ${why}`, {
    hint: 'Add the grant to the bindings of the function in the manifest.',
  });
}

function badCall({ binding, method }: BindingCall, why: string): FunctionError {
  return new FunctionError('badCall', `env.${binding}.${method} is refused: ${why}`);
}
